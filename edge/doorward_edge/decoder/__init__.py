"""Reading symbols in a process of its own, which may do nothing but compute.

Image decoders parse what strangers hold up. The child has no files, no network and little memory;
the parent believes nothing that it says beyond a strict format, and replaces it when it hangs,
dies or talks nonsense.
"""
