// Package search speaks with Elasticsearch 7 to 9 and OpenSearch 1 to 3: the few
// requests that a sink needs, over net/http, since the official clients refuse
// the other's product.
//
// A request goes to one of the nodes, in turn; a node that cannot be reached is
// left out for a while. Nothing is retried here, for only the caller knows what
// may be sent again.
//
// Errors are for people: their text says what happened, which key of the
// configuration it has to do with, and what to do.
//
//	*Unreachable  no answer came
//	*Refusal      the server answered that it does not do what it was asked
//	Item          the same for one operation of a bulk request
//
// Class says what a refusal is about.
//
//	Done         it is done
//	Conflict     the server has another version of the document
//	Busy         later, and slower
//	Unavailable  later
//	TooLarge     in smaller pieces
//	Blocked      the index takes no writes, as when the disk is full
//	Document     this document never
//	Setup        a person has to change something
//
// Elasticsearch 7.17 and OpenSearch 2.19 were run against; what Elasticsearch 8
// and 9 answer is from their documentation (testdata/answers).
package search
