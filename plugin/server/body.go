package server

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"

	"github.com/kubectl-fed/kubectl-fed/pkg/manifest"
)

// body reads what the request carries, as JSON or YAML. Generated clients send
// protobuf; of the kinds they have, we have the types.
func (req *request) body() ([]byte, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, apierrors.NewRequestEntityTooLargeError(fmt.Sprintf("read the request: %v", err))
	}
	kind, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil || len(body) == 0 {
		return body, nil
	}
	switch kind {
	case runtime.ContentTypeProtobuf:
		return fromProtobuf(body)
	case runtime.ContentTypeCBOR:
		return nil, errUnsupportedMedia("a federation takes JSON, YAML and protobuf, not CBOR")
	}
	return body, nil
}

func fromProtobuf(body []byte) ([]byte, error) {
	scheme := manifest.Scheme()
	obj, _, err := protobuf.NewSerializer(scheme, scheme).Decode(body, nil, nil)
	if runtime.IsNotRegisteredError(err) {
		return nil, errUnsupportedMedia("send JSON: %v", strings.TrimSpace(err.Error()))
	}
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return json.Marshal(pruned(fields))
}

// pruned drops what Go's zero values leave in an encoding: null creation
// times, and structs that hold nothing.
func pruned(m map[string]any) map[string]any {
	for k, v := range m {
		switch v := v.(type) {
		case nil:
			delete(m, k)
		case map[string]any:
			m[k] = pruned(v)
		case []any:
			for i, item := range v {
				if sub, ok := item.(map[string]any); ok {
					v[i] = pruned(sub)
				}
			}
		}
	}
	return m
}
