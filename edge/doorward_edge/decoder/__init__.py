"""The sandboxed process that reads codes, and its client in the gateway.

Image decoders parse hostile input, so they run where a hole in them gains nothing: `child` is an
own process without files, network or the right to start anything; `client` treats its answers as
hostile. `wire` is what the two say to each other.
"""
