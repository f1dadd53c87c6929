// made by `make enclosure` from hardware/computers and hardware/cameras
computer = [85, 56, 17];
holes = [58, 49];
has_holes = true;
camera = [25, 24, 11.5];
half_width = 0.6805;
include <head.scad>
