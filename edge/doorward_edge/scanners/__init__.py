"""Scanners that decode by themselves: what they type or send becomes scans."""
