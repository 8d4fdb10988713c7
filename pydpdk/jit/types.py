"""Numba types of leased objects and packets, and the instructions that they need.

Addresses are int64: Numba would make a float of uint64 and int64.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.core.types.containers import Tuple, UniTuple
from numba.extending import (
    NativeValue,
    intrinsic,
    make_attribute_wrapper,
    models,
    overload,
    overload_method,
    register_model,
    typeof_impl,
    unbox,
)
from numba.np.numpy_support import from_dtype

from pydpdk._dpdk import ffi, lib
from pydpdk.jit.lease import Leased

WORD = ir.IntType(64)
COUNT = ffi.offsetof("struct pyd_burst", "n")
STORAGE = ffi.offsetof("struct pyd_burst", "storage")
MBUFS = ffi.offsetof("struct pyd_storage", "mbufs")


class LeasedType(types.Type):
    """A leased object: the address of its C struct."""

    called = "leased object"

    def __init__(self) -> None:
        super().__init__(name=self.called)


class RxType(LeasedType):
    """An rx queue."""

    called = "rx queue"


class TxType(LeasedType):
    """A tx queue."""

    called = "tx queue"


class BurstType(LeasedType):
    """A burst."""

    called = "burst"


class MempoolType(LeasedType):
    """A mempool."""

    called = "mempool"


class RingType(LeasedType):
    """A ring of values of a dtype, or of mbufs."""

    def __init__(self, dtype: Any) -> None:
        self.element = None if dtype is None else from_dtype(dtype)
        types.Type.__init__(self, name=f"ring of {dtype or 'mbufs'}")


class HeaderType(types.Type):
    """A protocol's header in a packet: its address, or 0 if the packet has none."""

    def __init__(self, header: str) -> None:
        self.header = header
        super().__init__(name=f"{header} header")


class PacketType(types.Type):
    """A packet of a burst: its mbuf, and the data of its first segment."""

    def __init__(self) -> None:
        super().__init__(name="packet")


ADDRESS = UniTuple(types.uint64, 2)  # an IPv6 address, the more significant half first
RX, TX, BURST, MEMPOOL, PACKET = RxType(), TxType(), BurstType(), MempoolType(), PacketType()
KINDS = {"rx": RX, "tx": TX, "burst": BURST, "mempool": MEMPOOL}


@register_model(RxType)
@register_model(TxType)
@register_model(BurstType)
@register_model(MempoolType)
@register_model(RingType)
@register_model(HeaderType)
class AddressModel(models.PrimitiveModel):
    """One address."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, WORD)


@register_model(PacketType)
class PacketModel(models.StructModel):
    """Addresses and a length, all of them in registers."""

    def __init__(self, manager: Any, kind: Any) -> None:
        members = [("mbuf", types.int64), ("data", types.int64), ("length", types.int64)]
        super().__init__(manager, kind, members)


make_attribute_wrapper(PacketType, "mbuf", "_mbuf")
make_attribute_wrapper(PacketType, "data", "_data")
make_attribute_wrapper(PacketType, "length", "_length")


@typeof_impl.register(Leased)
def _typeof(leased: Leased, context: Any) -> LeasedType:
    return RingType(leased.detail) if leased.kind == "ring" else KINDS[leased.kind]


@unbox(LeasedType)
def _unbox(kind: Any, leased: Any, c: Any) -> NativeValue:
    number = c.pyapi.object_getattr_string(leased, "address")
    address = c.pyapi.long_as_longlong(number)
    c.pyapi.decref(number)
    return NativeValue(address, is_error=cgutils.is_not_null(c.builder, c.pyapi.err_occurred()))


def bare(template: Callable[..., Any]) -> Callable[..., Any]:
    """Remove the annotations of an overload and its implementation: Numba compares them."""

    @wraps(template)
    def chosen(*args: Any, **options: Any) -> Any:
        implementation = template(*args, **options)
        if implementation is not None:
            implementation.__annotations__ = {}
        return implementation

    chosen.__annotations__ = template.__annotations__ = {}
    return chosen


def always(implementation: Callable[..., Any]) -> Callable[..., Any]:
    """Return the overload that has this implementation for arguments of all types."""
    implementation.__annotations__ = {}

    @wraps(implementation)
    def chosen(*args: Any, **options: Any) -> Any:
        return implementation

    return chosen


def function(of: Any) -> Callable[..., Any]:
    """Decorate the overload of a function, which may have annotations."""
    return lambda template: overload(of)(bare(template))


def method(kind: Any, name: str, **options: bool) -> Callable[..., Any]:
    """Decorate the overload of a method, which may have annotations."""
    return lambda template: overload_method(kind, name, **options)(bare(template))


def is_array(array: Any, dtype: Any, ndim: int = 1) -> bool:
    """Return whether an argument's type is a contiguous array of that dtype and dimension."""
    return (
        isinstance(array, types.Array)
        and (array.ndim, array.layout) == (ndim, "C")
        and array.dtype == dtype
    )


def is_whole(number: Any) -> bool:
    """Return whether an argument, or its default, is an integer."""
    number = getattr(number, "value", number)
    return isinstance(number, int | types.Integer) and not isinstance(number, bool)


def external(name: str, returns: Any, *takes: Any) -> Any:
    """Return one of our C functions, for direct calls from compiled code.

    It takes an array as the address of its first item. Numba frees an array after its last use, so
    that the call itself must be this use: an address taken before it would be that of freed memory.
    """
    binding.add_symbol(name, int(ffi.cast("uintptr_t", ffi.addressof(lib, name))))

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        given = zip(cgutils.unpack_tuple(builder, args[0]), sig.args[0], takes, strict=True)
        values = [emit_argument(context, builder, *argument) for argument in given]
        kinds = [context.get_value_type(kind) for kind in (returns, *takes)]
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(kinds[0], kinds[1:]), name
        )
        return builder.call(function, values)

    @intrinsic
    def call(context: Any, *args: Any) -> Any:
        return returns(Tuple(args)), emit

    return call


def emit_argument(context: Any, builder: Any, value: Any, given: Any, taken: Any) -> Any:
    """Emit the conversion of an argument to what C takes; of an array, to its address."""
    if isinstance(given, types.Array):
        array = context.make_array(given)(context, builder, value)
        return builder.ptrtoint(array.data, WORD)
    return context.cast(builder, value, given, taken)


@intrinsic
def address_of(context: Any, leased: Any) -> Any:
    """Return the address of a leased object."""
    return types.int64(leased), lambda context, builder, sig, args: args[0]


@intrinsic
def mbufs_of(context: Any, owner: Any) -> Any:
    """Return the address of a burst's mbuf pointers, or of a packet's one."""

    def of_burst(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        storage = emit_load(builder, builder.add(args[0], WORD(STORAGE)), 8, swap=False)
        return builder.add(storage, WORD(MBUFS))

    def of_packet(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        packet = cgutils.create_struct_proxy(PACKET)(context, builder, value=args[0])
        return emit_cell(builder, packet.mbuf)

    return types.int64(owner), of_burst if owner == BURST else of_packet


@intrinsic
def cell(context: Any, value: Any) -> Any:
    """Return the address of a copy of a number, valid while this function runs."""
    return types.int64(types.int64), lambda context, builder, sig, args: emit_cell(builder, args[0])


def emit_cell(builder: Any, value: Any) -> Any:
    """Emit a stack variable with a number; return its address."""
    place = cgutils.alloca_once(builder, WORD)
    builder.store(value, place)
    return builder.ptrtoint(place, WORD)


@intrinsic
def make_packet(context: Any, mbuf: Any, data: Any, length: Any) -> Any:
    """Return a packet of an mbuf, its data and its length."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        made = cgutils.create_struct_proxy(PACKET)(context, builder)
        made.mbuf, made.data, made.length = args
        return made._getvalue()

    return PACKET(types.int64, types.int64, types.int64), generate


def make_header(name: str) -> Any:
    """Return the function that converts an address to a header of that type."""
    header = HeaderType(name)

    @intrinsic
    def make(context: Any, address: Any) -> Any:
        return header(types.int64), lambda context, builder, sig, args: args[0]

    return make


def emit_load(builder: Any, address: Any, size: int, swap: bool) -> Any:
    """Emit the load of an unsigned number of `size` bytes, at any alignment."""
    number = ir.IntType(8 * size)
    value = builder.load(builder.inttoptr(address, number.as_pointer()), align=1)
    value = builder.bswap(value) if swap and size > 1 else value
    return value if size == 8 else builder.zext(value, WORD)


def emit_store(builder: Any, address: Any, value: Any, size: int, swap: bool) -> None:
    """Emit the store of the low `size` bytes of a number."""
    number = ir.IntType(8 * size)
    low = value if size == 8 else builder.trunc(value, number)
    low = builder.bswap(low) if swap and size > 1 else low
    builder.store(low, builder.inttoptr(address, number.as_pointer()), align=1)


def emit_load_pair(builder: Any, address: Any) -> Any:
    """Emit the load of 16 bytes as two numbers, the first of them the more significant."""
    low = builder.add(address, WORD(8))
    numbers = [emit_load(builder, at, 8, swap=True) for at in (address, low)]
    return cgutils.pack_array(builder, numbers)


def emit_store_pair(builder: Any, address: Any, pair: Any) -> None:
    """Emit the store of two numbers into 16 bytes."""
    for i in range(2):
        at = builder.add(address, WORD(8 * i))
        emit_store(builder, at, builder.extract_value(pair, i), 8, swap=True)


def loader(size: int, *, big_endian: bool = False) -> Any:
    """Return a function that loads a number of that many bytes."""

    @intrinsic
    def load(context: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return emit_load(builder, args[0], size, big_endian)

        return types.int64(types.int64), generate

    return load


def storer(size: int, *, big_endian: bool = False) -> Any:
    """Return a function that stores a number into that many bytes."""

    @intrinsic
    def store(context: Any, address: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            emit_store(builder, args[0], args[1], size, big_endian)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), generate

    return store


def fields() -> dict[str, tuple[int, int]]:
    """Return offset and size of C's mbuf fields by name; constants have size 0."""
    n = ffi.new("uint32_t *")
    found = lib.pyd_worker_fields(n)
    listed = [found[i] for i in range(n[0])]
    return {ffi.string(c.name).decode(): (c.offset, c.size) for c in listed}


FIELDS = fields()
