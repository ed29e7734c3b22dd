// Package bulk writes the operations of a batch to a search server, in several
// bulk requests at once, and tells what became of each.
//
// Operations are dealt to lanes by the hash of the document's id. A lane has one
// request under way at most, so the operations of one document are done in the
// order in which they were added; lanes know nothing of each other.
//
//	Add ──hash of id──▶ lane 0: open │ queue ──▶ one request ──▶ server
//	                    lane 1: open │ queue ──▶ one request ──▶ server
//	                    …
//	Finish: what is open goes out, small rests of lanes that have nothing under way together; waits for all
//
// What the server says decides what happens with a request, or with the
// operations in it that failed:
//
//	done, or a version that is there already    confirmed, or reported as a conflict
//	Busy                                        again after a while; fewer requests at the same time from now on
//	Unavailable, no answer                      again after a while, Retries times without progress
//	TooLarge                                    the request in two halves, and no request of that size any more
//	Document                                    rejected, with the reason; of a whole request: in two halves, down to the one
//	Blocked, Setup                              the batch fails
//
// Operations that are sent again take with them the later ones on the same
// document, though these were done: so the last one wins.
//
// The number of requests at the same time is halved when the server is busy, at
// most once for the requests that were under way then, and grows by one again
// with each 16 requests that went well.
package bulk
