"""The table of verbs: each is said once here, and generated from it everywhere else.

This module imports nothing of the package, as the build runs before there is an extension.
`build_verbs.py` makes C of it, `scripts/tools/gen_verbs` methods in Python and the overloads for
compiled workers.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

Dtype: TypeAlias = Literal["bool", "u1", "u2", "u4", "u8", "i4", "i8"]
On: TypeAlias = Literal["burst", "packet", "objects", "routes", "hash", "meter", "bpf", "where"]


class Each(NamedTuple):
    """An argument: one number for each packet, `dtype[n]`, or one for all of them.

    C gets `const T *name`.
    """

    name: str
    dtype: Dtype


class Octets(NamedTuple):
    """An argument: bytes for each packet, `uint8[n, width]`, or the same for all of them.

    C gets `const char *name, uint32_t width, uint32_t stride`; with stride 0, all packets the same.
    """

    name: str


class Column(NamedTuple):
    """An argument: the name of a column; C gets `const struct pyd_column *`."""

    name: str


class Values(NamedTuple):
    """An argument: an element of the column before it for each packet, or one number for all.

    C gets `const char *`.
    """

    name: str


class Constant(NamedTuple):
    """An argument whose default the entries pass on; any other value goes to the fallback.

    Attributes
    ----------
    c, type : str
        What C gets for the default, and its type.
    default, annotation : str
        Those of the method in Python.
    keyword : bool
        Whether it must be passed by its name.
    in_worker : bool
        Whether compiled workers have it too.
    """

    name: str
    c: str
    type: Literal["uint16_t", "uint32_t"]
    default: str
    annotation: str
    keyword: bool
    in_worker: bool


class Whole(NamedTuple):
    """An argument: a number, from `least` to `most`, both as C has them; C gets `uint32_t`.

    Attributes
    ----------
    default : str
        What C gets where it is left out, if it may be; `object` is the C object.
    keyword : bool
        Whether it must be passed by its name.
    """

    name: str
    least: str
    most: str
    default: str = ""
    keyword: bool = False


class Bools(NamedTuple):
    """An argument: a mask, `bool[n]`; C gets `const uint8_t *`."""

    name: str


class Classes(NamedTuple):
    """An argument: `uint32[n]`, or `bool[n]`; C gets `const uint32_t *`."""

    name: str


class Other(NamedTuple):
    """An argument: another object; C gets its struct."""

    name: str
    of: Literal["burst", "mempool"]


class Others(NamedTuple):
    """An argument: a tuple of bursts; C gets `struct pyd_burst **name, uint32_t count`."""

    name: str


class Header(NamedTuple):
    """An argument: `header=name`, behind the others; C gets `int`, -1 where it is left out."""

    name: str = "header"


class Missing(NamedTuple):
    """An argument that only the method in Python takes; C gets NULL."""

    name: str


class Keys(NamedTuple):
    """An argument: an element of the table's own dtype for each key; C gets `void *`."""

    name: str


class Numbers(NamedTuple):
    """An argument: an array of n numbers, of any length; C gets `T *`."""

    name: str
    dtype: Dtype


class Out(NamedTuple):
    """The arguments `n` and `out=`: C fills `out` or a new array of n numbers, the result."""

    name: str
    dtype: Dtype


class Rows(NamedTuple):
    """A result: a number for each packet or key; C gets `T *name`."""

    name: str
    dtype: Dtype


class Wide(NamedTuple):
    """A result: `uint8[n, width]`, the width an argument of this name; C gets `char *name`."""

    name: str
    width: str


class Mask(NamedTuple):
    """A result: a bool for each packet; C gets `uint8_t *name`."""

    name: str


Takes: TypeAlias = (
    Each
    | Octets
    | Column
    | Values
    | Constant
    | Whole
    | Bools
    | Classes
    | Other
    | Others
    | Header
    | Missing
    | Keys
    | Numbers
    | Out
)


class Verb(NamedTuple):
    """One verb.

    Attributes
    ----------
    name : str
        That of the method in Python, and of the overloads in compiled workers. Its function is
        `int pyd_mbufs_<name>(struct rte_mbuf **mbufs, uint32_t n, <takes>, <gives>)`, which
        returns 0, or 1 + i for packet i that cannot be processed, or a negative errno; nothing was
        changed in the last two cases. Where `whole`, it is `c` or `int pyd_<on>_<name>(<struct> *,
        <takes>, <gives>)`, which enters the object itself and refuses with a negative errno; its
        method is written by hand. It gets the number of rows, if there are any: first of a burst,
        last of other objects.
    on : tuple of str
        What has it.
    ns : tuple of float
        [ns] of a call without packets, and of each packet: for the rule of the GIL.
    doc : str
        The docstring.
    takes, gives : tuple
        Arguments and results in the order of C.
    why : str
        The end of the message about packet i. It may name the `width` of octets.
    whole : str
        What such a method returns: None, the count that C returns, the arrays (`found`: the same,
        whatever C returns), or its last argument; for arrays and arguments, C returns the number
        of packets.
    own_worker : bool
        Whether its overloads for compiled workers are written by hand.
    pools : bool
        Whether C takes from a pool or gives back, where it may wait for another process.
    c : str
        The name of the C function, if it is another.
    examples, refused : tuple of str
        Arguments in Python, for tests/verbs: what frames of 14 bytes and more take, and what
        raises ValueError. `u2`, `bits` and `rows` are arrays with a row for each packet.
    """

    name: str
    on: tuple[On, ...]
    ns: tuple[float, float]
    doc: str = ""
    takes: tuple[Takes, ...] = ()
    gives: tuple[Mask | Rows | Wide, ...] = ()
    why: str = "other mbufs see its memory; copy it first"
    whole: Literal["", "none", "count", "arrays", "found", "given"] = ""
    own_worker: bool = False
    pools: bool = False
    c: str = ""
    examples: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


VERBS = (
    Verb("swap_macs", ("burst",), (10, 1.5), whole="none"),
    Verb(
        "alloc", ("burst",), (40, 3),
        takes=(
            Other("mempool", "mempool"), Whole("n", "0", "INT32_MAX", "object->size"),
            Whole("length", "0", "INT32_MAX", "0", keyword=True),
        ),
        whole="count", pools=True,
    ),
    Verb("free", ("burst",), (10, 5), whole="count", pools=True),
    Verb("lengths", ("burst",), (10, 1), gives=(Rows("lengths", "u4"),), whole="arrays"),
    Verb(
        "peek", ("burst",), (20, 12),
        takes=(
            Whole("offset", "0", "UINT32_MAX - 1"), Whole("width", "1", "WIDTH_MAX"), Header(),
            Missing("valid"),
        ),
        gives=(Wide("data", "width"),), whole="arrays",
    ),
    Verb(
        "poke", ("burst",), (20, 16),
        takes=(Whole("offset", "0", "UINT32_MAX - 1"), Octets("data"), Header()), whole="none",
    ),
    Verb("keep", ("burst",), (10, 6), takes=(Bools("mask"),), whole="count", pools=True),
    Verb("drop", ("burst",), (10, 6), takes=(Bools("mask"),), whole="count", pools=True),
    Verb("take", ("burst",), (20, 2), takes=(Bools("mask"), Other("into", "burst")), whole="count"),
    Verb("split", ("burst",), (30, 4), takes=(Classes("classes"), Others("into")), whole="given"),
    Verb(
        "rewrite", ("burst", "packet"), (30, 10),
        """Write a column and update checksums: `burst.rewrite("ipv4.dst_addr", addresses)`.

        The checksum of L4 covers the last destination and the first source (RFC 8200, 8.1), so it
        stays as it is where a routing header, source route or home address option has these. In a
        fragment, the checksum of the whole datagram is updated if the fragment has it; an L4
        header in a first fragment, which columns do not show, is written if it is complete.

        Parameters
        ----------
        name
            A column: addresses, ports, TTL and other fields that may change in transit.
        value
            An array, or one value for all packets that have the field.

        Raises
        ------
        ValueError
            It does not fit, a checksum cannot be updated, or a packet shares memory with other
            mbufs. Nothing was written.

        Notes
        -----
        Cost  checksums are updated incrementally, whatever the packet's length
        """,
        takes=(Column("name"), Values("value")),
        why="its own memory is needed, and no SCTP, whose CRC does not follow",
        examples=('"ipv4.time_to_live", 7', '"ipv4.packet_id", u2'),
        refused=('"ipv4.time_to_live", 256', '"ipv4.packet_id", -1', '"ipv4.packet_id", u2[:3]'),
        own_worker=True,
    ),
    Verb(
        "decrement_ttl", ("burst", "packet"), (30, 8),
        """Decrement each TTL or hop limit; return `bool[n]`, True for packets where it has expired.

        Those stay as they are, to be dropped: `burst.drop(burst.decrement_ttl())`.
        """,
        gives=(Mask("expired"),),
    ),
    Verb(
        "verify_checksums", ("burst", "packet"), (30, 15),
        """Return two `bool[n]`: packets with a wrong IPv4 checksum, and with a wrong L4 checksum.

        L4 is TCP, UDP, ICMP and ICMPv6. Packets without a checksum are not wrong: fragments,
        UDP with 0 over IPv4. A packet that ends before its own length, or before UDP's, is wrong;
        bytes behind UDP's length are not covered.

        Notes
        -----
        Wraps  rte_raw_cksum (rte_ip.h)
        """,
        gives=(Mask("ip_bad"), Mask("l4_bad")),
    ),
    Verb(
        "compute_checksums", ("burst", "packet"), (30, 15),
        """Set the checksums of IPv4, TCP, UDP, ICMP and ICMPv6; return `bool[n]`: packets with any.

        Packets that are not IP, or that end before their own length or UDP's, stay as they are; of
        fragments only the checksum of IPv4 is set.

        Parameters
        ----------
        offload
            The `tx_offloads` that the port was configured with. It computes these checksums,
            except those of L4 that the IP header does not fully determine (routes, IPv6 extension
            headers, bytes behind the datagram). TX offloads that a packet had before are replaced.

        Notes
        -----
        Wraps  rte_raw_cksum, rte_ipv4_cksum, rte_ipv4_udptcp_cksum (rte_ip.h),
               rte_net_intel_cksum_prepare (rte_net.h)
        """,
        takes=(
            Constant("offload", "0", "uint32_t", "0", "TxOffload | int", keyword=False,
                     in_worker=False),
        ),
        gives=(Mask("computed"),),
    ),
    Verb(
        "vlan_push", ("burst", "packet"), (30, 8),
        """Insert a VLAN tag behind the addresses of each frame.

        Parameters
        ----------
        vlan_tci
            Priority, CFI and VLAN id: a number, or `uint16[n]`.
        tpid
            0x8100, or 0x88a8 for the outer tag of QinQ.

        Raises
        ------
        ValueError
            A packet is too short, shared, without headroom, or has TX offloads, whose lengths
            would be wrong. Nothing was written.

        Notes
        -----
        Wraps  rte_vlan_insert (rte_ether.h)
        """,
        takes=(
            Each("vlan_tci", "u2"),
            Constant("tpid", "RTE_ETHER_TYPE_VLAN", "uint16_t", "0x8100", "int", keyword=True,
                     in_worker=True),
        ),
        why="14 bytes, 4 of headroom, its own memory and no TX offloads are needed",
        examples=("5", "u2"), refused=("-1", "1 << 16", "u2[:3]"),
    ),
    Verb(
        "vlan_pop", ("burst", "packet"), (30, 8),
        """Remove the outermost VLAN tag of each frame; return `bool[n]`: frames that had one.

        The tag is in `columns["mbuf.vlan_tci"]` then, as if the port had stripped it.

        Raises
        ------
        ValueError
            A tagged packet is shared, has TX offloads, or has no segment of 5 bytes. Nothing was
            written.

        Notes
        -----
        Wraps  rte_vlan_strip (rte_ether.h)
        """,
        gives=(Mask("popped"),),
        why="its own memory, no TX offloads and 5 bytes in a segment are needed",
    ),
    Verb(
        "set_header_lengths", ("burst", "packet"), (30, 8),
        """Set `l2_len`, `l3_len` and `l4_len` from the headers; return `bool[n]`: packets of IP.

        Ports need the lengths to compute checksums and to segment TCP: set the offload flags of an
        mbuf after this. Lengths are 0, and the result False, for packets that are not IP, and for
        those whose headers are longer than the mbuf's fields hold or not in the first segment. In
        a tunnel the lengths are those of the outer headers.

        Raises
        ------
        ValueError
            A packet has TX offloads, whose lengths stay as they are. Nothing was changed.
        """,
        gives=(Mask("fits"),),
        why="no TX offloads may be set",
    ),
    Verb(
        "prepend", ("burst", "packet"), (20, 5),
        """Put bytes in front of every packet, into its headroom, as for a tunnel.

        Parameters
        ----------
        data
            Bytes for all packets, or `uint8[n, width]`.

        Raises
        ------
        ValueError
            A packet has too little headroom, is shared, or has TX offloads. Nothing was written.

        Notes
        -----
        Wraps  rte_pktmbuf_prepend (rte_mbuf.h)
        """,
        takes=(Octets("data"),),
        why="{width} bytes of headroom, its own memory and no TX offloads are needed",
        examples=("octets", "rows"), refused=("rows[:3]", "long"),
    ),
    Verb(
        "adj", ("burst", "packet"), (20, 4),
        """Remove bytes from the front of every packet.

        Parameters
        ----------
        length
            [bytes], a number or `uint32[n]`; not more than the first segment has.

        Raises
        ------
        ValueError
            A packet is shorter, or has TX offloads. Nothing was changed.

        Notes
        -----
        Wraps  rte_pktmbuf_adj (rte_mbuf.h)
        """,
        takes=(Each("length", "u4"),),
        why="as many bytes in the first segment and no TX offloads are needed",
        examples=("1", "bits"), refused=("-1", "1 << 32", "1 << 31", "bits[:3]"),
    ),
    Verb("get", ("objects",), (20, 4), takes=(Out("n", "i8"),), whole="found", pools=True),
    Verb("put", ("objects",), (20, 4), takes=(Numbers("ids", "i8"),), whole="none", pools=True),
    Verb(
        "find", ("routes",), (30, 4), takes=(Keys("addresses"),), gives=(Rows("hops", "u8"),),
        whole="found", c="pyd_fib_lookup",
    ),
    Verb(
        "find", ("hash",), (40, 30), takes=(Keys("keys"),), gives=(Rows("positions", "i4"),),
        whole="found", c="pyd_hash_lookup",
    ),
    Verb(
        "color", ("meter",), (50, 15), takes=(Each("flows", "u4"), Each("lengths", "u4")),
        gives=(Rows("colors", "u1"),), whole="arrays",
    ),
    Verb(
        "match", ("bpf",), (50, 40), takes=(Other("burst", "burst"),), gives=(Mask("mask"),),
        whole="arrays",
    ),
    Verb(
        "match", ("where",), (50, 15), takes=(Other("burst", "burst"),), gives=(Mask("mask"),),
        whole="arrays",
    ),
)  # fmt: skip
