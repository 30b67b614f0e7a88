"""Runs what nvcc really emitted for the kernels (nvcc -ptx), on small grids: integer instructions only, and an unknown one is an error,
never skipped. A thread is a generator that yields at a barrier."""
import re

MASKS = {bits: (1 << bits) - 1 for bits in (8, 16, 32, 64)}
SPECIAL = ("%tid.x", "%ctaid.x", "%ntid.x", "%nctaid.x")


def bits_of(kind):
    return int(kind[1:])


def signed(value, bits):
    return value - (1 << bits) if value >> (bits - 1) else value


class Memory:
    """Buffers far apart: an access beside all of them is an error."""

    def __init__(self):
        self.buffers = {}

    def add(self, data):
        base = 0x1000000 * (len(self.buffers) + 1)
        self.buffers[base] = bytearray(data)
        return base

    def place(self, address, size):
        for base, data in self.buffers.items():
            if base <= address and address + size <= base + len(data):
                assert address % size == 0, f"misaligned access at {address:#x}"
                return data, address - base
        raise IndexError(f"access of {size} bytes at {address:#x}, outside of all buffers")

    def load(self, address, size):
        data, at = self.place(address, size)
        return int.from_bytes(data[at:at + size], "little")

    def store(self, address, size, value):
        data, at = self.place(address, size)
        data[at:at + size] = value.to_bytes(size, "little")


class Kernel:
    def __init__(self, parameters, body):
        self.parameters, self.code, self.labels = parameters, [], {}
        for line in body.splitlines():
            line = line.split("//")[0].strip()
            if re.fullmatch(r"\$\w+:", line):
                self.labels[line[:-1]] = len(self.code)
            elif line and not line.startswith((".", "{", "}")):
                guard, words = re.match(r"(?:@(!?%p\d+)\s+)?(.*);", line).groups()
                operation, rest = (words.split(None, 1) + [""])[:2]
                operands = re.findall(r"\{[^}]*\}|\[[^\]]*\]|[^,\s]+", rest)
                self.code.append((guard, operation.split("."), operands))


class Program:
    def __init__(self, path):
        with open(path) as file:
            text = file.read()
        self.shared, at = {}, 0
        for name, size in re.findall(r"\.shared \.align \d+ \.b8 (\w+)\[(\d+)\];", text):
            self.shared[name], at = at, at + int(size)
        self.shared_bytes = at
        self.kernels = {}
        for name, parameters, body in re.findall(r"\.visible \.entry (\w+)\((.*?)\)\n(?:\.[^\n]*\n)*\{(.*?)\n\}", text, re.S):
            self.kernels[name] = Kernel(re.findall(r"(\w+_param_\d+)", parameters), body)

    def launch(self, name, blocks, threads, memory, *arguments):
        """arguments: numbers of 8 bytes, or the bytes of a structure."""
        kernel = self.kernels[name]
        assert len(arguments) == len(kernel.parameters), (name, kernel.parameters)
        values = {key: value if isinstance(value, bytes) else (value & MASKS[64]).to_bytes(8, "little")
                  for key, value in zip(kernel.parameters, arguments)}
        for block in range(blocks):
            shared = bytearray(self.shared_bytes)
            running = [Thread(self, kernel, values, memory, shared, dict(zip(SPECIAL, (thread, block, threads, blocks)))).run()
                       for thread in range(threads)]
            while running:  # each to its next barrier, or to its end
                running = [thread for thread in running if next(thread, "ended") != "ended"]


class Thread:
    def __init__(self, program, kernel, values, memory, shared, special):
        self.program, self.kernel, self.values, self.memory, self.shared = program, kernel, values, memory, shared
        self.registers = special

    def get(self, operand, bits=64):
        if operand.startswith("%"):
            return self.registers[operand] & MASKS[bits] if bits else self.registers[operand]
        if operand in self.program.shared:
            return self.program.shared[operand]
        return int(operand, 0) & MASKS[bits]

    def address(self, operand):
        base, _, offset = operand.strip("[]").partition("+")
        return base, int(offset or 0)

    def load(self, space, operand, size):
        base, offset = self.address(operand)
        if space == "param":
            return int.from_bytes(self.values[base][offset:offset + size], "little")
        at = self.get(base) + offset
        if space == "shared":
            assert at + size <= len(self.shared), "beyond shared memory"
            return int.from_bytes(self.shared[at:at + size], "little")
        return self.memory.load(at, size)

    def move(self, operation, operands):
        vector = [word for word in operation if word in ("v2", "v4")]
        count, bits = int(vector[0][1:]) if vector else 1, bits_of(operation[-1])
        is_load, space = operation[0] == "ld", operation[1]
        register, place = operands if is_load else reversed(operands)
        names = register.strip("{}").replace(" ", "").split(",")
        if is_load:
            value = self.load(space, place, count * bits // 8)
            for number, name in enumerate(names):
                self.registers[name] = value >> (number * bits) & MASKS[bits]
            return
        value = sum(self.get(name, bits) << (number * bits) for number, name in enumerate(names))
        base, offset = self.address(place)
        at = self.get(base) + offset
        if space == "shared":
            assert at + bits // 8 <= len(self.shared), "beyond shared memory"
            self.shared[at:at + bits // 8] = value.to_bytes(bits // 8, "little")
        else:
            self.memory.store(at, count * bits // 8, value)

    def atomic(self, operation, operands):
        _, space, what, kind = operation
        assert space == "global"
        result, place, value = operands
        base, offset = self.address(place)
        size = bits_of(kind) // 8
        old = self.memory.load(self.get(base) + offset, size)
        new = {"add": lambda a, b: a + b, "min": min}[what](old, self.get(value, size * 8))
        self.memory.store(self.get(base) + offset, size, new & MASKS[size * 8])
        self.registers[result] = old

    def compare(self, operation, operands):
        _, relation, kind = operation
        a, b = (self.get(operand, bits_of(kind)) for operand in operands[1:])
        if kind[0] == "s":
            a, b = signed(a, bits_of(kind)), signed(b, bits_of(kind))
        self.registers[operands[0]] = {"eq": a == b, "ne": a != b, "lt": a < b, "le": a <= b, "gt": a > b, "ge": a >= b}[relation]

    def compute(self, operation, operands):
        name, kind = operation[0], operation[-1]
        target, *sources = operands
        if kind == "pred":
            truths = [self.registers[source] if source.startswith("%") else int(source) != 0 for source in sources]
            self.registers[target] = {"mov": all, "and": all, "or": any, "not": lambda t: not t[0], "xor": lambda t: t[0] != t[1]}[name](truths)
            return
        bits = bits_of(kind)
        if name == "selp":
            self.registers[target] = self.get(sources[0] if self.registers[sources[2]] else sources[1], bits)
            return
        if name == "cvt":
            value = self.get(sources[0], bits)
            to, fro = operation[-2], kind
            self.registers[target] = (signed(value, bits) if fro[0] == "s" else value) & MASKS[bits_of(to)]
            return
        values = [self.get(source, 32 if name in ("shl", "shr") and number == 1 else bits) for number, source in enumerate(sources)]
        if name == "bfi":
            bit, position, length = values[1], values[2], values[3]
            mask = ((1 << length) - 1) << position & MASKS[bits]
            self.registers[target] = bit & ~mask | values[0] << position & mask
            return
        if kind[0] == "s":
            values = [signed(value, bits) if name not in ("shl", "shr") or number == 0 else value for number, value in enumerate(values)]
        wide = "wide" in operation
        result = {
            "mov": lambda a: a, "not": lambda a: ~a, "neg": lambda a: -a, "add": lambda a, b: a + b, "sub": lambda a, b: a - b,
            "mul": lambda a, b: a * b, "mad": lambda a, b, c: a * b + c, "and": lambda a, b: a & b, "or": lambda a, b: a | b,
            "xor": lambda a, b: a ^ b, "shl": lambda a, b: a << b if b < bits else 0, "shr": lambda a, b: a >> b,
            "rem": lambda a, b: a % b, "div": lambda a, b: a // b, "min": min, "max": max, "cvta": lambda a: a,
        }[name](*values)
        self.registers[target] = result & MASKS[2 * bits if wide else bits]

    def run(self):
        at, code = 0, self.kernel.code
        while True:
            guard, operation, operands = code[at]
            at += 1
            if guard is not None and self.registers[guard.lstrip("!")] == guard.startswith("!"):
                continue
            name = operation[0]
            if name == "ret":
                return
            if name == "bra":
                at = self.kernel.labels[operands[0]]
            elif name == "bar":
                yield "barrier"
            elif name in ("ld", "st"):
                self.move(operation, operands)
            elif name == "atom":
                self.atomic(operation, operands)
            elif name == "setp":
                self.compare(operation, operands)
            else:
                self.compute(operation, operands)
