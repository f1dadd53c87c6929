// The head that hangs at a portal: computer and camera in one box, four lamps and a buzzer behind the
// front. The sizes in `head-*.scad` come from the parts' data (`make enclosure`). Everything prints
// without supports: the box front face down, the lid and the hood as they lie.

part = "all";             // "box", "lid", "hood", or "all" for looking
wall = 2.4;               // mm
clearance = 1.0;          // between a board and the wall
lamp_hole = 8.2;          // a lens of 8 mm
lamp_count = 4;
lamp_pitch = 16;
buzzer_hole = 2;
standoff = 6;             // below the computer: nuts, and air
screw = 2.2;              // M2.5 cuts its thread
gland = 16.2;             // M16
tilt = 0;                 // of the camera, degrees; the mounting table says how much
hood_foot = 9;            // of the angle that is screwed above the window
hood = 14;                // keeps the sky out of the lens
rim = 1.6;

// from the parameters: computer = [x, y, z], holes = [x, y], camera = [x, y, z],
// half_width = tan of half of what the camera sees, has_holes

post = 10;                // a corner, for the screw of the lid
front_x = max(computer[0] + 2 * post, post + camera[0] + lamp_count * lamp_pitch + 10) + 2 * clearance;
front_y = computer[1] + camera[1] + hood_foot + 6 + 2 * clearance;
depth = max(computer[2] + standoff + 14, camera[2] + 12);
outer = [front_x + 2 * wall, front_y + 2 * wall, depth + wall];

// The camera sits in the upper half, its lens in the middle of the window.
camera_at = [wall + post + camera[0] / 2 + 2, outer[1] - wall - hood_foot - camera[1] / 2 - 3];
lens_block = min(camera[0], camera[1]) * 0.62;
window_out = lens_block + 2 * wall * half_width * 1.15;

module rounded(size, r = 4) {
    linear_extrude(size[2])
        translate([r, r]) offset(r) square([size[0] - 2 * r, size[1] - 2 * r]);
}

module window() {
    // Wider outwards, so that the wall is not in the picture.
    translate([camera_at[0], camera_at[1], -0.01])
        rotate([tilt, 0, 0])
            hull() {
                translate([-window_out / 2, -window_out / 2, 0]) cube([window_out, window_out, 0.02]);
                translate([-lens_block / 2, -lens_block / 2, wall + 0.02])
                    cube([lens_block, lens_block, 0.02]);
            }
}

module camera_pocket() {
    t = 1.6;
    translate([camera_at[0] - camera[0] / 2 - t - 0.3, camera_at[1] - camera[1] / 2 - t - 0.3, wall])
        difference() {
            cube([camera[0] + 2 * t + 0.6, camera[1] + 2 * t + 0.6, 5]);
            translate([t, t, -0.01]) cube([camera[0] + 0.6, camera[1] + 0.6, 6]);
            // The ribbon leaves downwards.
            translate([t + 3, -0.01, 2]) cube([camera[0] - 6, t + 0.02, 6]);
        }
}

hood_w = window_out + 10;

module hood_holes() {
    for (x = [-hood_w / 3, hood_w / 3])
        translate([camera_at[0] + x, camera_at[1] + camera[1] / 2 + 5, -0.01])
            cylinder(d = 2.4, h = wall + 1, $fn = 24);
}

// An angle: its foot is screwed to the front above the window.
module hood_angle() {
    difference() {
        union() {
            cube([hood_w, 2, hood]);
            cube([hood_w, hood_foot, 2]);
        }
        for (x = [-hood_w / 3, hood_w / 3])
            translate([hood_w / 2 + x, hood_foot / 2, -0.01]) cylinder(d = 2.4, h = 3, $fn = 24);
    }
}

module lamps() {
    from = camera_at[0] + camera[0] / 2 + 9;
    for (i = [0 : lamp_count - 1])
        translate([from + i * lamp_pitch, camera_at[1] + 5, -0.01])
            cylinder(d = lamp_hole, h = wall + 1, $fn = 48);
    for (a = [0 : 60 : 300])
        translate([from + (lamp_count - 1) / 2 * lamp_pitch, camera_at[1] - 8, 0])
            rotate(a) translate([3.2, 0, -0.01]) cylinder(d = buzzer_hole, h = wall + 1, $fn = 16);
}

module standoffs() {
    if (has_holes)
        for (x = [3.5, 3.5 + holes[0]]) for (y = [3.5, 3.5 + holes[1]])
            translate([wall + post + x, wall + clearance + y, wall])
                difference() {
                    cylinder(d = 6, h = standoff, $fn = 32);
                    translate([0, 0, 1]) cylinder(d = screw, h = standoff, $fn = 24);
                }
}

module lid_posts(h, hole) {
    inset = wall + 3.2;
    for (x = [inset, outer[0] - inset]) for (y = [inset, outer[1] - inset])
        translate([x, y, wall])
            difference() {
                cylinder(d = 6.4, h = h, $fn = 32);
                translate([0, 0, h - 9]) cylinder(d = hole, h = 10, $fn = 24);
            }
}

module box() {
    difference() {
        rounded(outer);
        translate([wall, wall, wall]) rounded([front_x, front_y, depth + 1], 2);
        hood_holes();
        window();
        lamps();
        // Gland and drain below.
        translate([outer[0] / 2, -1, depth / 2 + wall]) rotate([-90, 0, 0])
            cylinder(d = gland, h = wall + 2, $fn = 64);
        translate([wall + 8, -1, wall + 3]) rotate([-90, 0, 0]) cylinder(d = 3, h = wall + 2, $fn = 24);
    }
    camera_pocket();
    standoffs();
    lid_posts(depth - rim, screw);
}

module lid() {
    difference() {
        union() {
            rounded([outer[0], outer[1], wall]);
            translate([wall + 0.3, wall + 0.3, wall])
                difference() {
                    rounded([front_x - 0.6, front_y - 0.6, rim], 2);
                    translate([1.6, 1.6, -0.01]) rounded([front_x - 3.8, front_y - 3.8, rim + 1], 1.5);
                    for (x = [0, front_x - 8.6]) for (y = [0, front_y - 8.6])
                        translate([x - 1, y - 1, -0.01]) cube([10, 10, rim + 1]);
                }
            // Presses the switch that tells when the lid is off.
            translate([outer[0] / 2, outer[1] * 0.35, wall]) cylinder(d = 6, h = 8, $fn = 32);
        }
        inset = wall + 3.2;
        for (x = [inset, outer[0] - inset]) for (y = [inset, outer[1] - inset])
            translate([x, y, -0.01]) cylinder(d = 2.9, h = wall + 1, $fn = 24);
        // Two keyholes for the wall.
        for (x = [outer[0] * 0.25, outer[0] * 0.75]) translate([x, outer[1] * 0.7, -0.01]) {
            cylinder(d = 8.5, h = wall + 1, $fn = 32);
            translate([-2.2, 0, 0]) cube([4.4, 9, wall + 1]);
        }
    }
}

if (part == "box" || part == "all") box();
if (part == "lid") lid();
if (part == "hood") hood_angle();
if (part == "all") {
    translate([0, -outer[1] - 15, 0]) lid();
    translate([outer[0] + 12, outer[1] / 2, 0]) hood_angle();
}
