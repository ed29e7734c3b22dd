// Package exchanges compares two servers of Kafka Connect's REST API: the same requests are sent to both, and what they answer
// is compared field by field. Every difference must be explained by a rule, and every rule must explain one.
//
//	script ──Parse──▶ steps ──Send──▶ answer of one ─┐
//	                     └─────Send──▶ answer of other ┴─Compare──▶ differences ──Rules.Explain──▶ unexplained
package exchanges
