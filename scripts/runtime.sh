# Sourced. find_node ROOT prints the Node binary to run Satchel with: the one that npm brought along, else the
# machine's own when it is new enough. Fails with one sentence otherwise.
find_node() {
  for candidate in "$1/node_modules/.bin/node" "$(command -v node 2>/dev/null || true)"; do
    if [ -x "$candidate" ] && major=$("$candidate" -p 'process.versions.node.split(".")[0]' 2>/dev/null) && [ "$major" -ge 26 ]; then
      printf '%s\n' "$candidate"
      return 0
    fi
  done
  echo "satchel: needs Node 26 or newer, and none was found: run 'npm ci' in $1 (without --omit=optional), or install Node 26." >&2
  return 1
}
