#!/usr/bin/python3
"""The kernels' PTX against the host's functions, word by word. usage: ptx_check.py PTX REFERENCE_LIBRARY"""
import ctypes
import struct
import sys

import ptx

program = ptx.Program(sys.argv[1])
host = ctypes.CDLL(sys.argv[2])
THREADS = 256  # what the kernels are made for
NONE = (1 << 64) - 1


class Elements(ctypes.Structure):
    _fields_ = [("operation", ctypes.c_int), ("type", ctypes.c_int), ("reduction", ctypes.c_int), ("ranks", ctypes.c_uint32),
                ("rank", ctypes.c_uint32), ("chunk", ctypes.c_uint64), ("seed", ctypes.c_uint64)]


host.reference_word.restype = ctypes.c_uint64
host.reference_word.argtypes = (ctypes.c_uint64, ctypes.c_uint64)
for name in ("input", "output"):
    getattr(host, f"reference_{name}").restype = ctypes.c_uint32
    getattr(host, f"reference_{name}").argtypes = (ctypes.POINTER(Elements), ctypes.c_uint64)
for name in ("given", "gotten"):
    getattr(host, f"reference_{name}").restype = ctypes.c_uint64
    getattr(host, f"reference_{name}").argtypes = (ctypes.POINTER(Elements),)


def words(data):
    return struct.unpack(f"<{len(data) // 8}Q", data)


def found(memory, at):
    return words(memory.buffers[at])


def check_pattern():
    memory, count, key = ptx.Memory(), 700, 99
    at = memory.add(bytes(count * 8))
    program.launch("rg_fill_kernel", 2, THREADS, memory, at, count, key)
    expected = tuple(host.reference_word(key, i) for i in range(count))
    assert words(memory.buffers[at]) == expected, "fill"

    def verify(first, blocks, block_bytes, stride):
        there = memory.add(struct.pack("<2Q", 0, NONE))
        program.launch("rg_verify_kernel", 2, THREADS, memory, at, key, first, blocks, block_bytes, stride, there)
        return found(memory, there)

    assert verify(0, 1, count * 8, count) == (0, NONE), "what was filled verifies"
    assert verify(3, 40, 13, 8) == (0, NONE), "blocks verify"
    memory.buffers[at][8 * 500] ^= 1
    memory.buffers[at][8 * 77 + 7] ^= 128
    assert verify(0, 1, count * 8, count) == (2, 77), "both changes are counted, and the first is named"
    assert verify(76, 1, 8 + 7, 8) == (0, NONE), "a byte behind the end of a block does not count"


def check_overrun():
    memory = ptx.Memory()
    at = memory.add(bytes(8 * 8))
    try:
        program.launch("rg_fill_kernel", 1, THREADS, memory, at, 9, 1)
    except IndexError:
        return
    sys.exit("a kernel wrote beyond the end of its buffer, and nothing was said")


def check_copies():
    memory, data = ptx.Memory(), bytes(i * 7 & 255 for i in range(333 * 16))
    source, target = memory.add(data), memory.add(bytes(len(data)))
    program.launch("rg_copy_kernel", 1, THREADS, memory, target, source, 333)
    assert bytes(memory.buffers[target]) == data, "copy"
    target = memory.add(bytes(1001))
    program.launch("rg_copy_bytes_kernel", 1, THREADS, memory, target, source, 1001)
    assert bytes(memory.buffers[target]) == data[:1001], "copy of bytes"


def check_elements(operation, kind, reduction):
    elements = Elements(operation, kind, reduction, 4, 1, 70, 5)
    size = (4, 2, 2, 4, 1)[kind]
    structure = bytes(elements)
    given, gotten = host.reference_given(elements), host.reference_gotten(elements)
    memory = ptx.Memory()
    at = memory.add(bytes(given * size))
    program.launch("rg_elements_fill_kernel", 1, THREADS, memory, at, structure, 0, given)
    expected = b"".join(host.reference_input(elements, i).to_bytes(4, "little")[:size] for i in range(given))
    assert bytes(memory.buffers[at]) == expected, ("inputs", operation, kind, reduction)
    result = bytearray(b"".join(host.reference_output(elements, i).to_bytes(4, "little")[:size] for i in range(gotten)))

    def check():
        there, data = memory.add(struct.pack("<2Q", 0, NONE)), memory.add(result)
        program.launch("rg_elements_check_kernel", 1, THREADS, memory, data, structure, 0, gotten, there)
        return found(memory, there)

    assert check() == (0, NONE), ("a right result", operation, kind, reduction)
    result[gotten // 2 * size] ^= 1
    assert check() == (1, gotten // 2), ("a wrong element", operation, kind, reduction)


check_pattern()
check_overrun()
check_copies()
checked = 0
for operation in range(6):
    for kind in range(5):
        for reduction in range(5) if operation in (0, 2) else (0,):
            check_elements(operation, kind, reduction)
            checked += 1
print(f"pattern, copies, and {checked} kinds of elements are as on the host")
