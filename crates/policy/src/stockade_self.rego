# Who may do what with Stockade itself. A role allows the actions that match one
# of its patterns; nothing else is allowed. Reading nothing of a resource but its
# kind and namespace keeps a decision good for a whole namespace.
package stockade.self

import rego.v1

default allow := false

allow if {
	some role in input.identity.roles
	some pattern in grants[role]
	glob.match(pattern, [], input.action)
}

# A permission allows what it says, `part:verb`, everywhere or in the namespaces it names.
allow if {
	some permission in input.identity.permissions
	[part, verb] := split(permission, ":")
	glob.match(concat(".", [part, verb]), [], input.action)
}

allow if {
	some permission in input.identity.permissions
	words := split(permission, ":")
	count(words) > 2
	glob.match(concat(".", array.slice(words, 0, 2)), [], input.action)
	glob.match(concat(":", array.slice(words, 2, count(words))), [], input.resource.namespace)
}

# Whoever was recognised may ask who they are, whether a text is an attack, and what is left of
# it without one; and a proxy whether their request may pass, of which what is behind the proxy
# says the rest.
allow if input.action in {"login", "value.inspect", "value.sanitize", "request.forward"}

# The gate has seen their password or refresh token, and what they do concerns themselves.
allow if input.action in {
	"session.open",
	"session.refresh",
	"session.close",
	"totp.begin",
	"totp.confirm",
	"totp.step_up",
}

# Where no principal is named, the caller's own are meant.
allow if {
	input.action in {"session.list", "session.end"}
	input.resource.kind == "session"
	input.resource.namespace == ""
}

grants := {
	"admin": ["**"],
	"system": ["**"],
	# Whoever is on this machine, where the server is for development.
	"neighbour": ["decision.*", "policy.*", "shadow.*", "document.*", "bundle.*", "escalation.*"],
	"operator": [
		"policy.list",
		"policy.show",
		"policy.versions",
		"bundle.list",
		"metrics.read",
		"status.read",
		"block.list",
		"measure.list",
		"feed.list",
		"cache.stats",
		"cache.advice",
		"cache.warmed",
		# What is changed by these comes back by itself.
		"cache.refresh",
		"cache.event",
		"cache.warm",
		# Who looks after keys neither uses nor deletes them; to encrypt anew shows nothing.
		"crypto_key.create",
		"crypto_key.list",
		"crypto_key.show",
		"crypto_key.rotate",
		"crypto_key.config",
		"crypto.rewrap",
	],
	# A backup has the key of the log in it, so it is none of an auditor's business.
	"auditor": [
		"ledger.read",
		"ledger.follow",
		"ledger.head",
		"ledger.prove",
		"ledger.group.*",
		# What was decided may be asked again, which changes nothing.
		"policy.replay",
		"stream.read",
		"stream.follow",
		"group.*",
	],
	"writer": [
		"decision.*",
		"policy.list",
		"policy.show",
		"policy.versions",
		"bundle.list",
		"cache.*",
		"object.*",
		"stream.*",
		"group.*",
		"crypto.*",
		"crypto_key.list",
		"crypto_key.show",
	],
	# How well it works is no secret from whoever may read all of it.
	"reader": [
		"decision.*",
		"policy.list",
		"policy.show",
		"policy.versions",
		"bundle.list",
		"cache.get",
		"cache.get_many",
		"cache.stats",
		"cache.advice",
		"cache.warmed",
		"object.get",
		"stream.read",
		"stream.follow",
		# To decrypt is for those who may write what is encrypted.
		"crypto.verify",
		"crypto.hash",
		"crypto_key.list",
		"crypto_key.show",
	],
}
