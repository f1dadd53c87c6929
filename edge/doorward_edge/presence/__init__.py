"""What the gateway knows of people, kept over restarts and shared with the site's other gateways.

The book itself is the kit's (`doorward.presence`). Here it gets a disk, a link and a way to ask it:
`keeper` and `folding` keep it, `errand` carries its messages, `muster` tells who is inside.
"""
