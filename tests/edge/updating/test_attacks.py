"""Each attack that The Update Framework names, against the real client and a real server.

After each: nothing was taken, what was known before is still known, and an honest server is
believed again.
"""

import json
import shutil
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from doorward.software import Version
from doorward_controller.releases.folder import read
from doorward_edge.updating.catalogue import (
    Catalogue,
    CatalogueError,
    DistrustError,
    UnknownReleaseError,
    UnreachableError,
)
from tests.edge.updating.conftest import Looking
from tests.fakes.release_repository import (
    Mirror,
    Publisher,
    new_signer,
    serving,
    without_end,
)

OLD, NEW = Version(0, 1, 0), Version(0, 2, 0)


def taken(catalogue: Catalogue, version: Version = NEW) -> bytes:
    return catalogue.fetch(catalogue.find(version)).read_bytes()


def downloads(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "state" / "downloads").glob("*"))


def test_an_honest_repository_is_believed(publisher: Publisher, looking: Looking) -> None:
    publisher.release("0.2.0", content=b"honest")
    with serving(publisher.root) as mirror:
        assert b"honest" in taken(looking(mirror.url))


def test_arbitrary_installation_a_file_that_nobody_signed_is_thrown_away(
    publisher: Publisher, looking: Looking, tmp_path: Path
) -> None:
    publisher.release("0.2.0", content=b"honest")
    (file,) = (publisher.root / "targets").rglob("*.tar")
    honest = file.read_bytes()
    file.write_bytes(honest.replace(b"honest", b"malice"))
    with serving(publisher.root) as mirror:
        with pytest.raises(DistrustError, match="not the file that was signed"):
            taken(looking(mirror.url))
        assert downloads(tmp_path) == []
        file.write_bytes(honest)
        assert b"honest" in taken(looking(mirror.url))


def test_arbitrary_installation_targets_that_strangers_signed_are_refused(
    publisher: Publisher, looking: Looking
) -> None:
    publisher.release("0.1.0")
    with serving(publisher.root) as mirror:
        looking(mirror.url).refresh()
        publisher.targets_keys = [new_signer() for _ in range(3)]
        forged = read(publisher.folder.published("targets", 2), Targets)
        forged.signed.version = 3
        for signer in publisher.targets_keys:
            forged.sign(signer, append=True)
        publisher.put("targets", forged)
        publisher.publish()
        with pytest.raises(DistrustError, match="too few of the keys that are trusted"):
            looking(mirror.url).refresh()


def test_endless_data_is_cut_at_the_length_that_was_signed(
    publisher: Publisher, looking: Looking, tmp_path: Path
) -> None:
    publisher.release("0.2.0")
    with serving(publisher.root, without_end) as mirror:
        catalogue = looking(mirror.url)
        length = catalogue.find(NEW).target.length
        with pytest.raises(DistrustError, match="more is sent than may be"):
            taken(catalogue)
        kept = [p.stat().st_size for p in (tmp_path / "state" / "downloads").glob("*")]
        assert kept == [0]
        mirror.mischief = None
        assert len(taken(catalogue)) == length


def test_endless_metadata_is_cut_too(publisher: Publisher, looking: Looking) -> None:
    def endless(mirror: Mirror, request: BaseHTTPRequestHandler, path: str) -> bool:
        return without_end(mirror, request, f"targets/{path}")

    with (
        serving(publisher.root, endless) as mirror,
        pytest.raises(DistrustError, match="more is sent than may be"),
    ):
        looking(mirror.url).refresh()


def test_extraneous_dependencies_nothing_but_the_named_release_is_fetched(
    publisher: Publisher, looking: Looking
) -> None:
    publisher.release("0.1.0", content=b"one")
    publisher.release("0.2.0", content=b"two")
    with serving(publisher.root) as mirror:
        taken(looking(mirror.url))
        files = [path for path in mirror.asked if path.startswith("targets/")]
    assert len(files) == 1
    assert "0.2.0" in files[0]


def test_fast_forward_numbers_run_up_by_a_stolen_online_key_are_mended_by_a_new_one(
    publisher: Publisher, looking: Looking
) -> None:
    """With the online key versions are driven to the top; the root's owners take that key away."""
    publisher.release("0.1.0")
    with serving(publisher.root) as mirror:
        stolen = read(publisher.folder.timestamp(), Timestamp)
        stolen.signed.version = 2**31
        stolen.sign(publisher.online)
        publisher.put("timestamp", stolen)
        looking(mirror.url).refresh()

        publisher.online = new_signer()
        from doorward_controller.releases import staging

        staging.stage_root(publisher.folder, publisher.signatories, publisher.now)
        publisher.sign_root()
        publisher.folder.timestamp().unlink()
        for path in publisher.folder.metadata.glob("*.snapshot.json"):
            path.unlink()
        publisher.publish()
        publisher.release("0.2.0", content=b"mended")
        assert b"mended" in taken(looking(mirror.url))


def test_indefinite_freeze_is_seen_when_the_daily_word_has_run_out(
    publisher: Publisher, looking: Looking
) -> None:
    publisher.release("0.1.0")
    with serving(publisher.root) as mirror:
        looking(mirror.url).refresh()
        frozen = read(publisher.folder.timestamp(), Timestamp)
        frozen.signed.expires = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
        frozen.signed.version += 1
        frozen.sign(publisher.online)
        publisher.put("timestamp", frozen)
        with pytest.raises(DistrustError, match="run out, or an old one is served"):
            looking(mirror.url).refresh()


@pytest.mark.parametrize("role", ["root", "targets", "snapshot"])
def test_indefinite_freeze_no_role_is_believed_after_its_day(
    role: str, tmp_path: Path, looking: Looking, publisher: Publisher
) -> None:
    past = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    folder = publisher.folder
    version = folder.newest_version(role)
    metadata: Metadata[Root] = Metadata.from_file(str(folder.published(role, version)))
    metadata.signed.expires = past
    metadata.signed.version = version + 1
    signers = {"root": publisher.root_keys, "targets": publisher.targets_keys}
    for signer in signers.get(role, [publisher.online]):
        metadata.sign(signer, append=signer is not signers.get(role, [publisher.online])[0])
    publisher.put(role, metadata)
    if role == "snapshot":
        newest = read(folder.timestamp(), Timestamp)
        newest.signed.snapshot_meta = MetaFile(version=version + 1)
        newest.signed.version += 1
        newest.sign(publisher.online)
        publisher.put("timestamp", newest)
    elif role == "targets":
        publisher.publish()
    with (
        serving(publisher.root) as mirror,
        pytest.raises(DistrustError, match="run out, or an old one is served"),
    ):
        looking(mirror.url).refresh()


def test_malicious_mirror_that_withholds_is_no_more_than_unreachable(
    publisher: Publisher, looking: Looking
) -> None:
    def gone(_: Mirror, request: BaseHTTPRequestHandler, path: str) -> bool:
        if "root" in path:
            return False
        request.send_error(503)
        return True

    publisher.release("0.2.0", content=b"honest")
    with serving(publisher.root, gone) as mirror:
        with pytest.raises(UnreachableError, match="not served"):
            looking(mirror.url).refresh()
        mirror.mischief = None
        assert b"honest" in taken(looking(mirror.url))


def test_malicious_mirror_that_trickles_is_given_up(publisher: Publisher, looking: Looking) -> None:
    """The clock of the test runs a minute with every look at it: no real time is waited."""
    publisher.release("0.2.0", content=bytes(300_000))
    ticks = iter(range(0, 100_000, 40))
    with serving(publisher.root) as mirror:
        honest = looking(mirror.url)
        found = honest.find(NEW)
        slow = looking(mirror.url, mono_s=lambda: float(next(ticks)) * 10)
        with pytest.raises(UnreachableError, match="sent too slowly"):
            slow.fetch(found)
        assert len(honest.fetch(found).read_bytes()) == found.target.length


def test_mix_and_match_a_snapshot_of_other_targets_is_refused(
    publisher: Publisher, looking: Looking
) -> None:
    """The newest word with targets of an earlier day, under the name of the newer."""
    publisher.release("0.1.0")
    publisher.release("0.2.0")
    folder = publisher.folder
    shutil.copy(folder.published("targets", 2), folder.published("targets", 3))
    with (
        serving(publisher.root) as mirror,
        pytest.raises(DistrustError, match="older or mixed-up"),
    ):
        looking(mirror.url).refresh()


def test_rollback_to_metadata_of_yesterday_is_refused_and_nothing_is_forgotten(
    publisher: Publisher, looking: Looking, tmp_path: Path
) -> None:
    publisher.release("0.1.0")
    yesterday = tmp_path / "yesterday"
    shutil.copytree(publisher.root, yesterday)
    publisher.release("0.2.0", content=b"newest")
    with serving(publisher.root) as mirror, serving(yesterday) as rollback:
        looking(mirror.url).refresh()
        with pytest.raises(DistrustError, match="older or mixed-up"):
            looking(rollback.url).refresh()
        assert b"newest" in taken(looking(mirror.url))


def test_rollback_of_targets_alone_by_a_stolen_online_key_is_refused(
    publisher: Publisher, looking: Looking
) -> None:
    publisher.release("0.1.0")
    publisher.release("0.2.0")
    folder = publisher.folder
    with serving(publisher.root) as mirror:
        looking(mirror.url).refresh()
        older = Metadata(
            Snapshot(
                version=folder.newest_version("snapshot") + 1,
                expires=publisher.now.replace(microsecond=0) + timedelta(days=1),
                meta={"targets.json": MetaFile(version=2)},
            )
        )
        older.sign(publisher.online)
        publisher.put("snapshot", older)
        newest = read(folder.timestamp(), Timestamp)
        newest.signed.version += 1
        newest.signed.snapshot_meta = MetaFile(version=older.signed.version)
        newest.sign(publisher.online)
        publisher.put("timestamp", newest)
        with pytest.raises(DistrustError, match="older or mixed-up"):
            looking(mirror.url).refresh()


def test_wrong_software_another_release_under_the_name_that_is_asked_for(
    publisher: Publisher, looking: Looking
) -> None:
    """The signers' own mistake: 0.1.0 signed in the place of 0.2.0 says what it is itself."""
    publisher.release("0.1.0")
    publisher.release("0.2.0")
    folder = publisher.folder
    mistaken = read(folder.published("targets", 3), Targets)
    by_version = {name.split("/")[1]: name for name in mistaken.signed.targets}
    one = mistaken.signed.targets[by_version["0.1.0"]].to_dict()
    from tuf.api.metadata import TargetFile

    mistaken.signed.targets[by_version["0.2.0"]] = TargetFile.from_dict(
        json.loads(json.dumps(one)), by_version["0.2.0"]
    )
    mistaken.signed.version = 4
    mistaken.signatures.clear()
    for signer in publisher.targets_keys[:2]:
        mistaken.sign(signer, append=True)
    publisher.put("targets", mistaken)
    publisher.publish()
    with (
        serving(publisher.root) as mirror,
        pytest.raises(DistrustError, match="signed as something else"),
    ):
        looking(mirror.url).find(NEW)


def test_wrong_software_of_another_platform_is_not_found(
    publisher: Publisher, looking: Looking
) -> None:
    with serving(publisher.root) as mirror, pytest.raises(UnknownReleaseError, match="no release"):
        looking(mirror.url).find(NEW)


@pytest.mark.parametrize("stolen", ["targets", "root"])
def test_key_compromise_below_the_threshold_signs_nothing(
    stolen: str, publisher: Publisher, looking: Looking
) -> None:
    folder = publisher.folder
    with serving(publisher.root) as mirror:
        looking(mirror.url).refresh()
        if stolen == "targets":
            forged: Metadata[Targets] | Metadata[Root] = read(
                folder.published("targets", 1), Targets
            )
            keys = publisher.targets_keys
        else:
            forged, keys = read(folder.published("root", 1), Root), publisher.root_keys
        forged.signed.version = 2
        forged.signatures.clear()
        forged.sign(keys[0], append=True)
        forged.sign(new_signer(), append=True)
        publisher.put(stolen, forged)
        if stolen == "targets":
            publisher.publish()
        with pytest.raises(DistrustError, match="too few of the keys that are trusted"):
            looking(mirror.url).refresh()


def test_one_key_that_signs_twice_counts_once(publisher: Publisher, looking: Looking) -> None:
    folder = publisher.folder
    forged = read(folder.published("targets", 1), Targets)
    forged.signed.version = 2
    forged.signatures.clear()
    forged.sign(publisher.targets_keys[0], append=True)
    wire = json.loads(forged.to_bytes())
    wire["signatures"].append(dict(wire["signatures"][0]))
    folder.published("targets", 2).write_text(json.dumps(wire))
    publisher.publish()
    with serving(publisher.root) as mirror, pytest.raises(DistrustError):
        looking(mirror.url).refresh()


def test_keys_are_exchanged_by_those_who_hold_the_old_and_the_new(
    publisher: Publisher, looking: Looking
) -> None:
    with serving(publisher.root) as mirror:
        looking(mirror.url).refresh()
        old = publisher.root_keys
        publisher.root_keys = [*old[:1], new_signer(), new_signer()]
        publisher.targets_keys = [new_signer() for _ in range(3)]
        from doorward_controller.releases import staging

        staging.stage_root(publisher.folder, publisher.signatories, publisher.now)
        publisher.sign_root(old[0], old[1])
        waits = publisher.publish()
        assert [(w.role, w.signed, w.needed) for w in waits] == [("root", 1, 2)]
        publisher.sign_root(publisher.root_keys[1])
        assert publisher.publish() == ()
        staging.stage_targets(publisher.folder, publisher.now)
        publisher.sign_targets()
        assert publisher.publish() == ()
        publisher.release("0.2.0", content=b"by the new ones")
        assert b"by the new ones" in taken(looking(mirror.url))


def test_what_was_cut_off_goes_on_where_it_was(
    publisher: Publisher, looking: Looking, tmp_path: Path
) -> None:
    publisher.release("0.2.0", content=bytes(500_000))
    with serving(publisher.root) as mirror:
        mirror.cut_after = 200_000
        with pytest.raises(UnreachableError, match="cut off after"):
            taken(looking(mirror.url))
        (part,) = (tmp_path / "state" / "downloads").glob("*.part")
        assert 0 < part.stat().st_size <= 200_000
        whole = taken(looking(mirror.url))
        assert mirror.ranges == [f"bytes={200_000}-"]
        assert len(whole) > 500_000


def test_a_folder_on_a_stick_is_as_good_as_a_server(
    publisher: Publisher, looking: Looking, tmp_path: Path
) -> None:
    from doorward_controller.releases.carrying import carry

    publisher.release("0.2.0", content=b"by hand")
    assert carry(publisher.folder, tmp_path / "stick") > 0
    assert b"by hand" in taken(looking(f"file://{tmp_path / 'stick'}"))
    assert not (tmp_path / "stick" / "staged").exists()


def test_an_unreachable_repository_is_said_in_words(looking: Looking) -> None:
    with pytest.raises(UnreachableError, match="the releases cannot be reached"):
        looking("http://127.0.0.1:9").refresh()


def test_each_refusal_has_its_words(publisher: Publisher, looking: Looking, tmp_path: Path) -> None:
    (publisher.root / "metadata" / "timestamp.json").write_text("{}")
    with serving(publisher.root) as mirror, pytest.raises(CatalogueError, match="no repository"):
        looking(mirror.url).refresh()
