"""The JSON interface: one module a resource, errors as problem documents (RFC 9457)."""
