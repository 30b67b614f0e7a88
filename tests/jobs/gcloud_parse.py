"""Holds gcloud command lines against gcloud's own parser, without running any of them: one a line on standard input, quoted as for a
shell. Prints each that is refused and why; exit status 1 if any was, 3 if gcloud's parts are not where they are looked for. Run it with
gcloud's own Python: its folder is the argument."""

import os
import shlex
import sys

root = sys.argv[1]
sys.stderr = sys.stdout
sys.path[:0] = [os.path.join(root, "lib"), os.path.join(root, "lib", "third_party")]
try:
    from googlecloudsdk import gcloud_main
    from googlecloudsdk.calliope import backend
    from googlecloudsdk.core import properties
    from googlecloudsdk.core.resource import resource_filter
except ImportError as fault:
    print(f"gcloud's parts are not in {root}: {fault}")
    sys.exit(3)

parsed = []


def run(self, cli, args):
    """What a filter says is read only when there is something to filter."""
    del cli
    resource_filter.Compile(getattr(args, "filter", None) or "")
    parsed.append(self.dotted_name)


backend.Command.Run = run
properties.VALUES.core.disable_prompts.Set(True)
properties.VALUES.core.disable_usage_reporting.Set(True)
cli = gcloud_main.CreateCLI([])

refused = 0
lines = [line.strip() for line in sys.stdin if line.strip()]
for line in lines:
    before = len(parsed)
    try:
        words = shlex.split(line)
        if words[0] != "gcloud":
            raise SystemExit("not a gcloud command")
        cli.Execute(words[1:])
    except SystemExit as end:
        if end.code not in (None, 0, 1, 2):
            print(end.code)
    except Exception as fault:  # pylint: disable=broad-except
        print(fault)
    if len(parsed) == before:
        refused += 1
        print(f"refused: {line}")
print(f"{len(lines) - refused} accepted, {refused} refused")
sys.exit(refused > 0 or not lines)
