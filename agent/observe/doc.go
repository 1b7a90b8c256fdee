// Package observe looks at a member cluster and says what it sees.
//
// In go an object (Judge) or the member's API server (Cluster); out come the
// health, counts and addresses of the object, and the facts about the member
// that its report carries. It never writes, neither to the member nor to the
// bucket, and it decides nothing about what runs where.
package observe
