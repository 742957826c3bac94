// Where the boxes of the graph go. Layers from top to bottom as in Sugiyama, Tagawa and Toda,
// "Methods for Visual Understanding of Hierarchical System Structures", 1981: an edge that passes
// a layer gets a place of its own there, so it goes around boxes and not behind them.
"use strict";

const LAYER_GAP = 30, BOX_GAP = 26, LANE = 14, BAND_GAP = 26;

// Positions that keep the order and the gaps, closest to what is wanted (isotonic regression).
function spread(cells) {
  let offset = 0;
  const blocks = [];
  cells.forEach((cell, i) => {
    if (i > 0) offset += (cells[i - 1].width + cell.width) / 2 + BOX_GAP;
    cell.offset = offset;
    blocks.push({sum: (cell.wanted - offset) * cell.weight, weight: cell.weight, count: 1});
    while (blocks.length > 1) {
      const last = blocks[blocks.length - 1], before = blocks[blocks.length - 2];
      if (before.sum / before.weight <= last.sum / last.weight) break;
      before.sum += last.sum;
      before.weight += last.weight;
      before.count += last.count;
      blocks.pop();
    }
  });
  let at = 0;
  for (const block of blocks) {
    for (let i = 0; i < block.count; ++i, ++at)
      cells[at].x = block.sum / block.weight + cells[at].offset;
  }
}

// One sweep over the layers; `side` is "above" or "below", the neighbours that pull.
function sweep(layers, side, reorder) {
  const ordered = side === "above" ? layers : [...layers].reverse();
  for (const cells of ordered) {
    for (const cell of cells) {
      const pulls = cell[side];
      let sum = 0, weight = 0;
      for (const other of pulls) {
        const strength = cell.lane && other.lane ? 6 : cell.lane || other.lane ? 2 : 1;
        sum += other.x * strength;
        weight += strength;
      }
      // A little towards the middle, so that parts without a common edge do not drift apart.
      cell.wanted = weight > 0 ? (reorder ? 0.97 : 1) * sum / weight : 0.5 * cell.x;
      cell.weight = weight > 0 ? 1 : 0.2;
    }
    if (reorder) cells.sort((a, b) => a.wanted - b.wanted);
    spread(cells);
  }
}

// Cells of all layers, with a lane in every layer that an edge passes. Edges of one source share
// their lanes. Returns the polyline of each edge as a list of cells.
function addLanes(items, edges, layers) {
  const lanes = new Map();
  return edges.map(edge => {
    const from = items[edge.from].cell, to = items[edge.to].cell;
    const path = [from];
    for (let layer = from.layer + 1; layer < to.layer; ++layer) {
      const key = edge.from + " " + layer;
      if (!lanes.has(key)) {
        const cell = {lane: true, layer, width: LANE, height: 0, x: 0, above: [], below: []};
        lanes.set(key, cell);
        layers[layer].push(cell);
      }
      path.push(lanes.get(key));
    }
    path.push(to);
    for (let i = 0; i + 1 < path.length; ++i) {
      if (path[i].below.includes(path[i + 1])) continue;
      path[i].below.push(path[i + 1]);
      path[i + 1].above.push(path[i]);
    }
    return path;
  });
}

// Blocks one below the other would wander off to the side, each a little: every band is centered.
function centerBands(layers) {
  const bands = new Map();
  for (const cells of layers) {
    const first = cells.find(cell => cell.item);
    if (!bands.has(first.item.band)) bands.set(first.item.band, []);
    bands.get(first.item.band).push(...cells);
  }
  for (const cells of bands.values()) {
    const boxes = cells.filter(cell => cell.item);
    const middle = boxes.reduce((sum, cell) => sum + cell.x, 0) / boxes.length;
    cells.forEach(cell => { cell.x -= middle; });
  }
}

// items: {width, height, band}, bands not falling; edges: {from, to} as indices, from < to.
// Sets item.x and item.y (centers) and edge.path; returns the size of all.
function placeItems(items, edges) {
  const incoming = items.map(() => []);
  for (const edge of edges) incoming[edge.to].push(edge.from);
  const layers = [];
  let bandStart = 0;
  items.forEach((item, i) => {
    if (i > 0 && item.band !== items[i - 1].band) bandStart = layers.length;
    let layer = bandStart;
    for (const from of incoming[i]) layer = Math.max(layer, items[from].cell.layer + 1);
    item.cell = {item, layer, width: item.width, height: item.height, x: 0, above: [], below: []};
    while (layers.length <= layer) layers.push([]);
    layers[layer].push(item.cell);
  });
  const paths = addLanes(items, edges, layers);
  for (const cells of layers) cells.forEach(cell => { cell.wanted = 0; cell.weight = 1; });
  layers.forEach(spread);
  for (let round = 0; round < 10; ++round) sweep(layers, round % 2 ? "below" : "above", round < 6);
  centerBands(layers);
  let y = 28, left = Infinity, right = -Infinity, band = null;
  for (const cells of layers) {
    const first = cells.find(cell => cell.item);
    if (first && band !== null && first.item.band !== band) y += BAND_GAP;
    if (first) band = first.item.band;
    const height = Math.max(...cells.map(cell => cell.height));
    for (const cell of cells) {
      cell.y = y + height / 2;
      cell.half = height / 2;
      left = Math.min(left, cell.x - cell.width / 2);
      right = Math.max(right, cell.x + cell.width / 2);
    }
    y += height + LAYER_GAP;
  }
  const margin = 90;
  for (const cells of layers) cells.forEach(cell => { cell.x += margin - left; });
  edges.forEach((edge, i) => { edge.path = paths[i]; });
  return {width: right - left + 2 * margin, height: y};
}
