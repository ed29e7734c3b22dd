// Package rest is Kafka Connect's REST API over the herder, with a small web page (/ui/) and its own description
// (/openapi.yaml). It holds no state and takes no decision about connectors: each handler is one call of [herder.Herder].
//
// One request, from outside to inside:
//
//	net/http        limits on time and size; refuses what is not HTTP
//	log, headers    access.go, headers.go: one debug line a request; the headers that the operator wants in every answer
//	panic           access.go: one becomes a 500 and a logged stack
//	access          access.go: Host on loopback listeners, Origin of what browsers send, CORS
//	path            server.go: the escaped path, one trailing slash dropped, so that a name may hold any character
//	routes          routes.go: the one table; OPTIONS and HEAD are derived from it
//	sign-in, query  signin.go: user name and password, where the operator wants them; what workers ask is signed instead
//	forwarding      forward.go: what another worker has to carry out goes there, at most two hops far
//	handler         one file a resource: decode (body.go), herder, encode (answer.go)
//	errors          errors.go: the one switch from herder codes to statuses; always {"error_code", "message"}
//
// peers.go sends requests to the other workers of the group, internal.go answers those that only workers send.
//
// openapi.yaml describes every route, and a test keeps it so. README.md lists where the API differs from Kafka Connect's on
// purpose.
package rest
