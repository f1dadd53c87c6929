"""What every `edge.toml` of a test begins with: a gateway that is enrolled somewhere."""

ENROLLED = """\
[gateway]
site = "hq"
id = "gate-1"
data_dir = "data"
[broker]
host = "localhost"
ca_file = "ca.pem"
cert_file = "c.pem"
key_file = "k.pem"
[trust]
keyring_file = "k"
seal_key_file = "s"
record_key_file = "r"
"""
