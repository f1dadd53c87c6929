"""The people of a made-up site, one for each role, and the password of all of them."""

from doorward_controller.domain.permissions import Role

PASSWORD = "correct horse battery"
NAMES = {
    Role.ADMIN: "ada",
    Role.ISSUER: "ivy",
    Role.SECURITY: "sam",
    Role.AUDITOR: "ann",
    Role.FACILITY: "fay",
    Role.REVIEWER: "rae",
    Role.HOST: "hal",
    Role.GUARD: "gus",
}
