// Package plan decides what to do about a Webhook: Decide turns Facts into a Plan, which is steps in their order and an
// outcome. All of it is values and pure functions; it can import nothing that calls the API server or the platform.
package plan
