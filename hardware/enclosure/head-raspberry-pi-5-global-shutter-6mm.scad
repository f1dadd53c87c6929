// made by `make enclosure` from hardware/computers and hardware/cameras
computer = [85, 56, 17];
holes = [58, 49];
has_holes = true;
camera = [38, 38, 19.8];
half_width = 0.4186;
include <head.scad>
