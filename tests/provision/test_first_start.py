"""What a fresh card is told is what cloud-init itself takes."""

from doorward_controller.domain.first_boot import EnrolMode, Seed, files
from tests.provision.machines import House

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZ1bm55IGtleSBmb3IgdGVzdHMgb25seSEhISEh somebody"


def test_cloud_init_takes_the_seed_and_refuses_a_wrong_one(houses: House) -> None:
    machine = houses.booted("cloud")
    quiet = "DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends"
    machine.said(f"apt-get -q update && {quiet} cloud-init", timeout_s=300)
    seed = Seed(hostname="gate-north", account="installer", ssh_keys=(KEY,), enrol=EnrolMode.CAMERA)
    good = files(seed, "first")["user-data"]
    machine.put("/root/good", good.encode())
    machine.put("/root/bad", good.replace('"lock_passwd": true', '"lock_passwd": 7').encode())
    check = "cloud-init schema --config-file"
    assert machine.run(f"{check} /root/good").status == 0, machine.run(f"{check} /root/good")
    assert machine.run(f"{check} /root/bad").status != 0
    assert houses.halted(machine)
