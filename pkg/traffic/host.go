package traffic

import (
	"bytes"
	"strings"
)

// maxHost is longer than any DNS name with its trailing dot.
const maxHost = 256

// lower is a rule's host as it is compared.
func lower(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// wildcardName is the name that a wildcard host ends in.
func wildcardName(host string) (string, bool) {
	name, ok := strings.CutPrefix(host, "*.")
	return name, ok && name != ""
}

// normalHost writes a request's host as rules have it, without port, trailing
// dot and upper case, into the buffer. What is too long for a name is nobody's
// host: the result is empty.
func normalHost(buffer *[maxHost]byte, host string) []byte {
	host = strings.TrimSuffix(withoutPort(host), ".")
	if len(host) > maxHost {
		return nil
	}
	for i := range len(host) {
		c := host[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buffer[i] = c
	}
	return buffer[:len(host)]
}

// withoutPort cuts the port off. An IPv6 address keeps its colons.
func withoutPort(host string) string {
	if strings.HasPrefix(host, "[") {
		if end := strings.IndexByte(host, ']'); end > 0 {
			return host[:end+1]
		}
		return host
	}
	if colon := strings.IndexByte(host, ':'); colon >= 0 && colon == strings.LastIndexByte(host, ':') {
		return host[:colon]
	}
	return host
}

// parent is the name without its first label: what a wildcard must end in. It
// is empty where that label is.
func parent(host []byte) []byte {
	dot := bytes.IndexByte(host, '.')
	if dot <= 0 {
		return nil
	}
	return host[dot+1:]
}
