"""The little of an ELF file that says what it runs on and what it needs. 64 bit and little-endian: what we build for."""

import struct
from dataclasses import dataclass

MACHINES = {62: "x86_64", 183: "aarch64"}
PT_DYNAMIC, PT_INTERP = 2, 3
DT_NULL, DT_NEEDED = 0, 1
SHT_SYMTAB = 2
SHF_ALLOC = 2
#: The tables' entries, as <elf.h> has them.
HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SEGMENT = struct.Struct("<IIQQQQQQ")
SECTION = struct.Struct("<IIQQQQIIQQ")
DYNAMIC = struct.Struct("<qQ")


class NoElf(ValueError):
    """Why a file is not one that this reads."""


@dataclass(frozen=True)
class Elf:
    machine: str
    #: The program that loads it (`ld-linux…`), and how many libraries it asks that one for.
    interpreter: str
    needed: int
    #: Whether it has the table of its symbols, and anything for a debugger.
    symbols: bool
    debug: bool


def parse(data):
    """What an executable is; `NoElf` where it is none, or is cut off."""
    if data[:6] != b"\x7fELF\x02\x01":
        raise NoElf("no ELF file of 64 bits, little-endian")
    try:
        return _parse(data)
    except struct.error as error:
        raise NoElf("an ELF file that is cut off") from error


def _parse(data):
    (_, _, machine, _, _, segments, sections, _, _, _, segment_count, _, section_count, names) = HEADER.unpack_from(data)
    interpreter, needed = "", 0
    for number in range(segment_count):
        kind, _, offset, _, _, size, _, _ = SEGMENT.unpack_from(data, segments + number * SEGMENT.size)
        if kind in (PT_INTERP, PT_DYNAMIC) and offset + size > len(data):
            raise NoElf("an ELF file that is cut off")
        if kind == PT_INTERP:
            interpreter = data[offset : offset + size].rstrip(b"\0").decode(errors="replace")
        elif kind == PT_DYNAMIC:
            for tag, _ in DYNAMIC.iter_unpack(data[offset : offset + size - size % DYNAMIC.size]):
                if tag == DT_NULL:
                    break
                needed += tag == DT_NEEDED
    table = [SECTION.unpack_from(data, sections + number * SECTION.size) for number in range(section_count if sections else 0)]
    strings = table[names][4] if names < len(table) else None
    debug = strings is not None and any(
        # One that is loaded with the program (`.debug_gdb_scripts`, some bytes) stays through stripping.
        data.startswith((b".debug_", b".zdebug_"), strings + section[0]) and not section[2] & SHF_ALLOC
        for section in table
    )
    return Elf(
        machine=MACHINES.get(machine, f"machine {machine}"),
        interpreter=interpreter,
        needed=needed,
        symbols=any(section[1] == SHT_SYMTAB for section in table),
        debug=debug,
    )
