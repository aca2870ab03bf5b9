// Package identity reads from a Webhook which remote webhooks it owns, gave up or asks for. Owning is not naming: a
// status, which only the operator writes, or a proof under the operator's key says what is owned.
package identity
