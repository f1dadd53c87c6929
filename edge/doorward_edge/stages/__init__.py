"""The stages of one scan, in order; each is independent of the others and knows no vendor."""

STAGES = ("capture", "decode", "verify", "decide", "record", "actuate", "publish")
