"""Defect maps: how they are read, and what they leave to a network."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from eideploy.backends.dynapse2.around import avoiding
from eideploy.backends.dynapse2.chip.biases import load_dac
from eideploy.backends.dynapse2.chip.defects import (
    Defects,
    load_defects,
    none_known,
    profiles,
    write_joined,
)
from eideploy.backends.dynapse2.chip.mapping import map_network
from eideploy.backends.dynapse2.chip.spec import read_spec
from eideploy.backends.dynapse2.config import load_chip_config
from eideploy.backends.dynapse2.dpi.wiring import decode
from eideploy.backends.dynapse2.emit import fingerprint
from eideploy.backends.dynapse2.training import synapses as syn
from eideploy.backends.dynapse2.training.export import chip_network
from eideploy.backends.dynapse2.training.plan import plan_of
from eideploy.errors import CapacityError, FormatError
from tests.backends.dynapse2.networks import SPEC, board, network, population
from tests.backends.dynapse2.random_networks import BASE
from tests.backends.dynapse2.small import small_network


def named(tmp_path, content, spec=SPEC):
    (tmp_path / "defects.json").write_text(json.dumps(content))
    return replace(
        spec,
        source=tmp_path / "spec.toml",
        board=replace(spec.board, defects="defects.json"),
    )


def test_a_map_is_read_as_it_says(tmp_path):
    chip = {
        "neurons": [[0, 3]],
        "cams": [[1, 17, 63]],
        "cams_low": [[1, 17, 62]],
        "cams_high": [[2, 0, 0]],
        "tags": {"2": [[0, 1031], [1040, 1047]]},
    }
    found = load_defects(named(tmp_path, {"version": 1, "chips": {"0": chip}}))
    assert np.argwhere(found.neurons).tolist() == [[0, 0, 3]]
    assert np.argwhere(found.cams).tolist() == [
        [0, 1, 17, 62, 0], [0, 1, 17, 63, 0], [0, 1, 17, 63, 1], [0, 2, 0, 0, 1],
    ]  # fmt: skip
    # the marker, and on cores whose map does not name it the tag of unused CAMs
    assert found.tags.sum() == 1032 + 8 + 4 + 3


def test_a_profile_of_failure_probabilities_is_read(tmp_path):
    failing = np.zeros((4, 256, 64, 2))
    failing[3, 255, 5, 0], failing[3, 255, 6, 1] = 0.2, 0.05
    (tmp_path / "profile.json").write_text(json.dumps({"cams": failing.tolist(), "prob": 0}))
    spec = named(tmp_path, {"version": 1, "chips": {"0": {"profile": "profile.json"}}})
    assert np.argwhere(load_defects(spec).cams).tolist() == [[0, 3, 255, 5, 0]]
    content = {"version": 1, "chips": {"0": {"profile": "profile.json", "tolerance": 0.01}}}
    assert load_defects(named(tmp_path, content)).cams.sum() == 2


def test_cams_in_use_fail_in_simulation_as_their_profile_says(tmp_path):
    rng = np.random.default_rng(0)
    profile = rng.random((4, 256, 64, 2)) * 0.15
    (tmp_path / "profile.json").write_text(json.dumps({"cams": profile.tolist()}))
    chip = {"profile": "profile.json", "tolerance": 0.1}
    spec = named(tmp_path, {"version": 1, "chips": {"0": chip}})
    c = map_network(small_network(), spec).configuration
    made = decode(c, spec)
    place = c.neurons.chip[made.target], c.neurons.core[made.target], c.neurons.neuron[made.target]
    slot = made.cam % 64
    half = (c.cams.tag[(*place, slot)] >= 1024).astype(int)
    assert made.fails[made.cam] == pytest.approx(profile[(*place[1:], slot, half)])
    assert 0.02 < made.fails[made.cam].mean() < 0.1  # those above the tolerance are not used
    assert len(decode(c, SPEC).fails) == 0


def test_every_wrong_entry_is_named(tmp_path):
    chip = {
        "neurons": [[4, 0]],
        "cams": [[0, 0, 64]],
        "tags": {"0": [[5, 4096]]},
        "profile": "none.json",
    }
    content = {"version": 1, "chips": {"0": chip, "1": {}}}
    (tmp_path / "none.json").write_text('{"cams": [1]}')
    with pytest.raises(FormatError) as caught:
        load_defects(named(tmp_path, content))
    assert caught.value.what == (
        "chip 0: cams [0, 0, 64] does not exist; chip 0: neurons [4, 0] does not exist; "
        "chip 0: tags [5, 4096] of core 0 do not exist; "
        "chip 0: none.json has shape (1,), not (4, 256, 64, 2); "
        "chip '1', the board has chips 0..0"
    )


@pytest.mark.parametrize("profile", ["../profile.json", "sub/profile.json", "/profile.json"])
def test_a_profile_lies_beside_its_map(tmp_path, profile):
    with pytest.raises(FormatError, match="is not the name of a file beside the map"):
        load_defects(named(tmp_path, {"version": 1, "chips": {"0": {"profile": profile}}}))


def test_a_board_is_another_one_with_another_profile(tmp_path):
    spec = named(tmp_path, {"version": 1, "chips": {"0": {"profile": "profile.json"}}})
    spec.source.write_bytes(SPEC.source.read_bytes())
    found = set()
    for share in (0.0, 0.5):
        cams = np.full((4, 256, 64, 2), share).tolist()
        (tmp_path / "profile.json").write_text(json.dumps({"cams": cams}))
        found.add(fingerprint(spec))
    assert len(found) == 2


def test_every_entry_of_a_wrong_form_is_named(tmp_path):
    chip = {"neurons": [[4, -1]], "cams": [[0, 0]], "tags": {"0": [5]}, "cam": []}
    with pytest.raises(FormatError) as caught:
        load_defects(named(tmp_path, {"version": 1, "chips": {"0": chip}}))
    assert caught.value.what == (
        "chips.0.neurons[0][1] = -1 is outside of 0 to 1048576; "
        "chips.0.cams[0][2] is missing; chips.0.tags.0[0] = 5 is not a list; "
        "there is no key chips.0.cam"
    )
    assert caught.value.fix.endswith("write chips.0.cams")


def dense(count, fan_in):
    """Return `count` outputs that each hear all of `fan_in` inputs, by different masks."""
    rng = np.random.default_rng(0)
    weight = BASE[rng.integers(0, 4, (count, fan_in))]
    return network(
        [population("in", fan_in, "input"), population("out", count, "output")],
        [("in", "out", "ampa", weight)],
        classes=[0] * count,
        base_currents={"out": BASE},
    )


def test_the_neuron_with_most_synapses_gets_the_slot_with_most_cams():
    spec = board(1, neurons=4, cams=8, cores=1)
    weight = np.zeros((3, 8))
    for row, count in zip(weight, (2, 8, 5), strict=True):
        row[:count] = BASE[np.arange(count) % 4]
    net = network(
        [population("in", 8, "input"), population("out", 3, "output")],
        [("in", "out", "ampa", weight)],
        classes=[0] * 3,
        base_currents={"out": BASE},
    )
    free = none_known(spec)
    cams = free.cams.copy()
    cams[0, 0, 0, :6], cams[0, 0, 1, :3], cams[0, 0, 2, :1] = True, True, True
    defects = Defects(neurons=free.neurons, cams=cams, tags=free.tags)
    mapped = map_network(net, spec, defects=defects)
    assert mapped.configuration.neurons.neuron.tolist() == [1, 3, 2]


def test_cams_that_fail_for_one_half_of_the_tags_are_used_for_the_other():
    spec = board(1, neurons=8, cams=8, cores=1, tags=64)
    free = none_known(spec)
    cams = free.cams.copy()
    cams[..., :5, 0] = True  # five of eight CAMs hear high tags alone
    cams[..., 5:, 1] = True  # three hear low tags alone
    defects = Defects(neurons=free.neurons, cams=cams, tags=free.tags)
    mapped = map_network(dense(8, 8), spec, defects=defects)
    tags = mapped.configuration.cams.tag[0, 0]
    assert (tags[:, :5] >= 32).all()
    assert (tags[:, 5:] < 32).all()


def test_halves_are_chosen_at_once_where_one_by_one_fails():
    spec = board(1, neurons=2, cams=4, cores=1, tags=64)
    rng = np.random.default_rng(3)
    solved = 0
    for _ in range(40):
        free = none_known(spec)
        cams = rng.random(free.cams.shape) < 0.3
        defects = Defects(neurons=free.neurons, cams=cams, tags=free.tags)
        weight = np.array([[1, 1, 1, 0, 0], [0, 0, 1, 1, 1]]) * BASE[[0, 1, 2, 3, 1]]
        net = network(
            [population("in", 5, "input"), population("out", 2, "output")],
            [("in", "out", "ampa", weight)],
            classes=[0] * 2,
            base_currents={"out": BASE},
        )
        possible = _possible(cams[0, 0])
        try:
            map_network(net, spec, defects=defects)
        except CapacityError:
            assert not possible
        else:
            assert possible
            solved += 1
    assert 0 < solved < 40


def _possible(bad):
    """Return whether some halves of five tags suit both neurons, in some order, by trying all."""
    for swap in (0, 1):
        for halves in np.ndindex((2,) * 5):
            if all(
                _suits([halves[i] for i in heard], bad[slot ^ swap])
                for slot, heard in enumerate(([0, 1, 2], [2, 3, 4]))
            ):
                return True
    return False


def _suits(halves, bad):
    low, high = ~bad[:, 0], ~bad[:, 1]
    need = np.bincount(halves, minlength=2)
    return need[0] <= low.sum() and need[1] <= high.sum() and sum(need) <= (low | high).sum()


def test_a_neuron_without_working_cams_is_refused_by_name():
    spec = board(1, neurons=4, cams=8, cores=1)
    free = none_known(spec)
    cams = np.zeros_like(free.cams)
    cams[..., :3, :] = True
    with pytest.raises(CapacityError, match="find no core"):
        map_network(
            dense(4, 8), spec, defects=Defects(neurons=free.neurons, cams=cams, tags=free.tags)
        )


def test_tags_that_fail_are_counted():
    # of 40 sources some have the same synapses by chance, and share tags
    spec = board(1, neurons=8, cams=64, cores=1, tags=64)
    free = none_known(spec)
    tags = free.tags.copy()
    tags[0, 0, 20:] = True
    with pytest.raises(CapacityError, match="hears 31 sources, 19 of its tags work"):
        map_network(
            dense(3, 40), spec, defects=Defects(neurons=free.neurons, cams=free.cams, tags=tags)
        )


PUBLIC = json.loads((SPEC.source.parent / "public_tags.json").read_text(encoding="utf-8"))


def usable(core):
    """The tags that public code for boards uses on a core, but for that of marks and tag 0."""
    listed = {
        0: range(2048),
        1: range(512, 2048),
        2: [1032 + 16 * i + j for i in range(64) for j in range(8)],
        3: [*range(1024), *range(1280, 2048)],
    }[core]
    return set(listed) - {0, 2047}


def on_public_tags(tmp_path):
    return named(tmp_path, PUBLIC)


def test_the_shipped_map_of_tags_leaves_those_that_public_code_uses(tmp_path):
    tags = load_defects(on_public_tags(tmp_path)).tags[0]
    for core in range(4):
        assert set(np.flatnonzero(~tags[core]).tolist()) == usable(core)


@pytest.fixture(scope="module")
def preset_network():
    """Return the network of the shipped preset with random synapses."""
    config = load_chip_config("digits-dynapse2")
    plan = plan_of(config, SPEC, load_dac(SPEC), inputs=64, classes=10)
    synapses = syn.draw(plan, np.random.default_rng(0))
    syn.prune(plan, synapses, 1.0)
    return chip_network(config, plan, synapses)


def test_the_preset_fits_the_public_tags_by_exchanging_cores(tmp_path, preset_network):
    mapped = map_network(preset_network, on_public_tags(tmp_path))
    c = mapped.configuration
    used = c.cams.mask > 0
    assert used.sum() == (map_network(preset_network, SPEC).configuration.cams.mask > 0).sum()
    for core in range(4):
        heard = set(c.cams.tag[0, core][used[0, core]].tolist())
        assert heard
        assert heard <= usable(core)
    excitatory = c.neurons.population == c.populations.index("excitatory")
    assert 2 in c.neurons.core[excitatory]  # its 511 tags are enough for no other


def test_what_fits_in_no_order_of_the_cores_is_refused(tmp_path, preset_network):
    tags = {str(core): [[700, 2047]] for core in range(4)}
    tags["0"] = tags["1"] = [[500, 2047]]
    tags["2"] = [[500, 2047]]
    spec = named(tmp_path, {"version": 1, "chips": {"0": {"tags": tags}}})
    with pytest.raises(CapacityError, match="of its tags work"):
        map_network(preset_network, spec)


def test_no_source_has_the_tag_of_unused_cams(preset_network):
    c = map_network(preset_network, SPEC).configuration
    assert c.inputs.tag.min() > 0
    assert c.srams.tag[(c.srams.cores > 0) & (c.srams.x_hop == 0)].min() > 0


def test_two_maps_are_joined_with_their_profiles(tmp_path):
    profile = np.zeros((4, 256, 64, 2))
    profile[0, 0, 1] = 0.5
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    (one / "measured.json").write_text(json.dumps({"cams": profile.tolist()}))
    first = {"tags": {"2": [[1, 9]]}, "profile": "measured.json", "neurons": [[0, 3]]}
    named(one, {"version": 1, "chips": {"0": first}})
    second = {"tags": {"2": [[20, 29]]}, "neurons": [[3, 4]], "cams": [[0, 2, 2]]}
    spec = named(other, {"version": 1, "chips": {"0": second}})
    out = tmp_path / "out"
    out.mkdir()
    write_joined(one / "defects.json", other / "defects.json", out / "defects.json")
    assert profiles(out / "defects.json") == ("profile-0.json",)
    found = load_defects(replace(spec, source=out / "spec.toml"))
    assert np.argwhere(found.neurons).tolist() == [[0, 0, 3], [0, 3, 4]]
    assert np.argwhere(found.cams.all(-1)).tolist() == [[0, 0, 0, 1], [0, 0, 2, 2]]
    assert found.tags[0, 2].sum() == 9 + 10 + 2
    with pytest.raises(FormatError, match="chip 0 has a profile in two maps"):
        write_joined(one / "defects.json", one / "defects.json", out / "twice.json")


def test_a_spec_avoids_what_a_map_says_beside_its_own(tmp_path):
    text = SPEC.source.read_text().replace("entry = 0", 'entry = 0\ndefects = "public_tags.json"')
    (tmp_path / "spec.toml").write_text(text)
    shutil.copy(SPEC.source.with_name("public_tags.json"), tmp_path)
    (tmp_path / "mine.json").write_text('{"version": 1, "chips": {"0": {"neurons": [[1, 7]]}}}')
    spec = read_spec(tmp_path / "spec.toml")
    with avoiding(spec, tmp_path / "mine.json") as wider:
        found, before = load_defects(wider), load_defects(spec)
    assert np.argwhere(found.neurons).tolist() == [[0, 1, 7]]
    assert (found.tags == before.tags).all()
    with avoiding(spec, None) as same:
        assert same is spec
    with pytest.raises(FormatError, match="nothing") as error, avoiding(spec, tmp_path / "nothing"):
        pass
    assert "board characterise" in error.value.fix
