"""The tree: known answers, and every proof against a naive definition."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.ledger.edge import Edge
from holdfast.ledger.merkle import (
    EMPTY_ROOT,
    check_consistency,
    check_inclusion,
    fold,
    leaf_hash,
    prove_consistency,
    prove_inclusion,
)

# The eight leaves and the roots that the Certificate Transparency projects test their trees with.
LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
LEAVES.append(bytes(range(0x60, 0x70)))
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {  # (index, size): the path
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
}
CONSISTENCY = {  # (old size, size): the path
    (1, 1): [],
    (1, 8): INCLUSION[0, 8],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def naive_root(entries: list[bytes]) -> bytes:
    """Return the root as RFC 6962 section 2.1 defines it, word by word."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    split = 1
    while 2 * split < len(entries):
        split *= 2
    return sha256(b"\x01" + naive_root(entries[:split]) + naive_root(entries[split:])).digest()


def range_root_of(entries: list[bytes]):
    return lambda start, stop: naive_root(entries[start:stop])


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_are_the_published_ones(size: int) -> None:
    assert fold([leaf_hash(entry) for entry in LEAVES[:size]]).hex() == ROOTS[size - 1]


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert Edge().root() == EMPTY_ROOT
    with pytest.raises(ValueError, match="nothing to fold"):
        fold([])


@pytest.mark.parametrize(("place", "path"), INCLUSION.items())
def test_the_inclusion_proofs_are_the_published_ones(place: tuple[int, int], path: list[str]) -> None:
    index, size = place
    proof = prove_inclusion(index, size, range_root_of(LEAVES))
    assert [step.hex() for step in proof] == path
    assert check_inclusion(index, size, leaf_hash(LEAVES[index]), proof, bytes.fromhex(ROOTS[size - 1]))


@pytest.mark.parametrize(("sizes", "path"), CONSISTENCY.items())
def test_the_consistency_proofs_are_the_published_ones(sizes: tuple[int, int], path: list[str]) -> None:
    old_root, root = (bytes.fromhex(ROOTS[size - 1]) for size in sizes)
    proof = prove_consistency(*sizes, range_root_of(LEAVES))
    assert [step.hex() for step in proof] == path
    assert check_consistency(*sizes, old_root, root, proof)


def test_every_proof_in_small_trees_is_accepted_and_no_other_place_is() -> None:
    entries = [bytes([index]) for index in range(20)]
    for size in range(1, 20):
        root = naive_root(entries[:size])
        for index in range(size):
            proof = prove_inclusion(index, size, range_root_of(entries))
            leaf = leaf_hash(entries[index])
            accepted = [at for at in range(size) if check_inclusion(at, size, leaf, proof, root)]
            assert accepted == [index]
        for old_size in range(size + 1):
            proof = prove_consistency(old_size, size, range_root_of(entries))
            assert check_consistency(old_size, size, naive_root(entries[:old_size]), root, proof)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), size=st.integers(1, 300))
def test_a_proof_with_anything_changed_is_refused(data: st.DataObject, size: int) -> None:
    entries = [index.to_bytes(2, "big") for index in range(size)]
    index = data.draw(st.integers(0, size - 1))
    old_size = data.draw(st.integers(1, size))
    root, old_root = naive_root(entries), naive_root(entries[:old_size])
    leaf = leaf_hash(entries[index])
    inclusion = prove_inclusion(index, size, range_root_of(entries))
    consistency = prove_consistency(old_size, size, range_root_of(entries))
    assert check_inclusion(index, size, leaf, inclusion, root)
    assert check_consistency(old_size, size, old_root, root, consistency)

    other = sha256(b"other").digest()
    assert not check_inclusion(index, size, other, inclusion, root)
    assert not check_inclusion(index, size, leaf, inclusion, other)
    assert not check_inclusion(index, size, leaf, [*inclusion, other], root)
    assert not check_inclusion(size, size, leaf, inclusion, root)
    assert not check_inclusion(-1, size, leaf, inclusion, root)
    assert not check_consistency(old_size, size, other, root, consistency)
    assert not check_consistency(old_size, size, old_root, other, consistency)
    assert not check_consistency(old_size, size, old_root, root, [*consistency, other])
    assert not check_consistency(size + 1, size, old_root, root, consistency)
    for proof, check in ((inclusion, "inclusion"), (consistency, "consistency")):
        for at in range(len(proof)):
            for changed in ([*proof[:at], *proof[at + 1 :]], [*proof[:at], other, *proof[at + 1 :]]):
                if check == "inclusion":
                    assert not check_inclusion(index, size, leaf, changed, root)
                else:
                    assert not check_consistency(old_size, size, old_root, root, changed)


def test_a_proof_of_what_is_not_there_is_not_made() -> None:
    for index in (-1, 3):
        with pytest.raises(IndexError):
            prove_inclusion(index, 3, range_root_of(LEAVES))
    for old_size in (-1, 4):
        with pytest.raises(IndexError):
            prove_consistency(old_size, 3, range_root_of(LEAVES))


def test_an_empty_tree_is_the_beginning_of_every_tree_and_needs_no_proof() -> None:
    root = naive_root(LEAVES)
    assert check_consistency(0, 8, EMPTY_ROOT, root, [])
    assert not check_consistency(0, 8, root, root, [])
    assert not check_consistency(0, 8, EMPTY_ROOT, root, [root])
    assert not check_consistency(8, 8, EMPTY_ROOT, root, [])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 256), max_size=12))
def test_the_edge_knows_the_root_however_the_leaves_come(batches: list[int]) -> None:
    edge, entries = Edge(), []
    for batch in batches:
        fresh = [str(len(entries) + at).encode() for at in range(min(batch, edge.room))]
        edge.append([leaf_hash(entry) for entry in fresh])
        entries += fresh
        assert edge.root() == naive_root(entries)
        assert edge.size == len(entries)
