// The neighbours that broadcast's `topology` message names, as in Maelstrom: a suggestion, not a
// restriction.

export type Topology = Record<string, string[]>;

/** At most four neighbours each, row by row in a square that may lack its end. */
function grid(nodeIds: readonly string[]): Topology {
  const side = Math.ceil(Math.sqrt(nodeIds.length));
  const at = (row: number, column: number): string[] => {
    const isInside = row >= 0 && column >= 0 && column < side;
    const id = isInside ? nodeIds[row * side + column] : undefined;
    return id === undefined ? [] : [id];
  };
  const neighbours = (index: number): string[] => {
    const row = Math.floor(index / side);
    const column = index % side;
    return [
      ...at(row + 1, column),
      ...at(row - 1, column),
      ...at(row, column + 1),
      ...at(row, column - 1),
    ];
  };
  return Object.fromEntries(nodeIds.map((id, index) => [id, neighbours(index)]));
}

function line(nodeIds: readonly string[]): Topology {
  const neighbours = (index: number): string[] =>
    [nodeIds[index - 1], nodeIds[index + 1]].filter((id) => id !== undefined);
  return Object.fromEntries(nodeIds.map((id, index) => [id, neighbours(index)]));
}

function total(nodeIds: readonly string[]): Topology {
  return Object.fromEntries(nodeIds.map((id) => [id, nodeIds.filter((other) => other !== id)]));
}

/**
 * Level by level: the children of the node at index i are the `branches` nodes from i * branches +
 * 1.
 */
function tree(branches: number, nodeIds: readonly string[]): Topology {
  const neighbours = (index: number): string[] => {
    const parent = index === 0 ? [] : [nodeIds[Math.floor((index - 1) / branches)]!];
    const firstChild = index * branches + 1;
    return [...parent, ...nodeIds.slice(firstChild, firstChild + branches)];
  };
  return Object.fromEntries(nodeIds.map((id, index) => [id, neighbours(index)]));
}

export const topologies = {
  grid,
  line,
  total,
  tree: (nodeIds: readonly string[]) => tree(2, nodeIds),
  tree2: (nodeIds: readonly string[]) => tree(2, nodeIds),
  tree3: (nodeIds: readonly string[]) => tree(3, nodeIds),
  tree4: (nodeIds: readonly string[]) => tree(4, nodeIds),
} as const satisfies Record<string, (nodeIds: readonly string[]) => Topology>;

export type TopologyName = keyof typeof topologies;
