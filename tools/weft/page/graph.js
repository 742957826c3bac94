// The graph as a drawing: nodes as boxes coloured by backend, repeated layers folded.
"use strict";

const doc = JSON.parse(document.getElementById("document").textContent);
const svg = document.getElementById("graph");
const BOX_WIDTH = 188, BOX_HEIGHT = 42, MANY_READERS = 6;
const state = {phase: 0, picked: null, filter: "", hidden: new Set(), open: new Set()};

function element(parent, name, attributes, text) {
  const made = document.createElementNS(svg.namespaceURI, name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.appendChild(made);
  return made;
}

function shortened(text, length) {
  return text.length <= length ? text : text.slice(0, length - 1) + "\u2026";
}

const backendNames = doc.backends.map(backend => backend.name);
function colorOf(backend) {
  return `var(--c${Math.max(0, backendNames.indexOf(backend)) % 6})`;
}
function placeOf(node) {
  return node.phases[Math.min(state.phase, node.phases.length - 1)];
}

// A repeat is a run of blocks; a block is open when its key is in state.open, and so is the run.
const blockOf = new Array(doc.nodes.length).fill(null);
doc.repeats.forEach((repeat, r) => {
  for (let i = 0; i < repeat.period * repeat.count; ++i)
    blockOf[repeat.first + i] = {repeat: r, index: Math.floor(i / repeat.period)};
});
const runKey = r => "run " + r;
const blockKey = (r, index) => "block " + r + " " + index;

function foldAll() {
  state.open.clear();
  doc.repeats.forEach((repeat, r) => state.open.add(blockKey(r, 0)));
}
function unfoldAll() {
  doc.repeats.forEach((repeat, r) => {
    state.open.add(runKey(r));
    for (let i = 0; i < repeat.count; ++i) state.open.add(blockKey(r, i));
  });
}
function reveal(id) {
  const block = blockOf[id];
  if (!block) return;
  const key = blockKey(block.repeat, block.index);
  if (state.open.has(key)) return;
  state.open.add(runKey(block.repeat));
  state.open.add(key);
}

// What is drawn: {nodes, band, group}, in the order of the nodes.
function visibleItems() {
  const items = [];
  let band = 0, before = "";
  for (let id = 0; id < doc.nodes.length;) {
    const block = blockOf[id];
    let key = "plain", count = 1, group = null;
    if (block) {
      const repeat = doc.repeats[block.repeat];
      key = blockKey(block.repeat, block.index);
      if (!state.open.has(key)) {
        let last = block.index;
        if (!state.open.has(runKey(block.repeat))) {
          while (last + 1 < repeat.count && !state.open.has(blockKey(block.repeat, last + 1)))
            ++last;
        }
        count = (last - block.index + 1) * repeat.period;
        group = {repeat: block.repeat, first: block.index, last};
      }
    }
    if (key !== before) ++band;
    before = key;
    const nodes = [];
    for (let i = 0; i < count; ++i) nodes.push(id + i);
    const width = group ? 240 : BOX_WIDTH;
    items.push({nodes, band, group, key, width, height: BOX_HEIGHT, inputs: new Set()});
    id += count;
  }
  return items;
}

// Values that very many read, and everything that no node computes, are named beside the reader
// instead of drawn.
function visibleEdges(items) {
  const itemOf = new Map();
  items.forEach((item, i) => item.nodes.forEach(id => itemOf.set(id, i)));
  const readers = new Map();
  for (const node of doc.nodes) {
    for (const input of node.inputs) {
      if (!input || input.node === null) continue;
      if (!readers.has(input.name)) readers.set(input.name, new Set());
      readers.get(input.name).add(node.id);
    }
  }
  const copied = new Set(doc.phases[state.phase].copies.map(copy => copy.value));
  const edges = new Map();
  for (const node of doc.nodes) {
    const to = itemOf.get(node.id);
    for (const input of node.inputs) {
      if (!input) continue;
      const many = input.node !== null && readers.get(input.name).size > MANY_READERS;
      if (input.node === null || many) {
        if (["input", "cache", "activation"].includes(input.kind)) items[to].inputs.add(input.name);
        continue;
      }
      const from = itemOf.get(input.node);
      if (from === to) continue;
      const key = from + " " + to;
      if (!edges.has(key)) edges.set(key, {from, to, values: new Set(), copied: false});
      const edge = edges.get(key);
      edge.values.add(input.name);
      const crosses = placeOf(node).backend !== placeOf(doc.nodes[input.node]).backend;
      edge.copied = edge.copied || (crosses && copied.has(input.name));
    }
  }
  return [...edges.values()];
}

function searchText(node) {
  const parts = [node.op, node.name, ...node.made_of];
  for (const port of [...node.inputs, ...node.outputs]) if (port) parts.push(port.name);
  for (const place of node.phases) {
    parts.push(place.backend);
    for (const answer of place.answers)
      if (answer.answer === "refuses") parts.push(answer.why, answer.code);
  }
  return parts.join("\n").toLowerCase();
}
doc.nodes.forEach(node => { node.search = searchText(node); });

function matches(node) {
  if (state.hidden.has(placeOf(node).backend)) return false;
  const words = state.filter.toLowerCase().split(/\s+/).filter(word => word);
  return words.every(word => node.search.includes(word));
}
function filtering() {
  return state.filter.trim() !== "" || state.hidden.size > 0;
}

// What a node computes with or gives, in few words.
function detailOf(node) {
  const weight = node.inputs.find(input => input && input.kind === "constant" && input.format);
  const out = node.outputs.find(output => output);
  const type = out ? out.type : "";
  return weight ? weight.format.split(",")[0] + " \u2192 " + type : type;
}

function drawEdge(parent, edge, items) {
  let path = "";
  const points = edge.path;
  for (let i = 0; i + 1 < points.length; ++i) {
    const a = points[i], b = points[i + 1];
    const top = a.y + (a.lane ? a.half : a.height / 2);
    const bottom = b.y - (b.lane ? b.half : b.height / 2);
    const bend = (bottom - top) / 2;
    if (i === 0) path += `M${a.x} ${top}`;
    path += ` C${a.x} ${top + bend} ${b.x} ${bottom - bend} ${b.x} ${bottom}`;
    if (b.lane) path += ` L${b.x} ${b.y + b.half}`;
  }
  const picked = state.picked !== null && [edge.from, edge.to].some(i =>
    !items[i].group && items[i].nodes[0] === state.picked);
  const kind = "edge" + (edge.copied ? " copied" : "") + (picked ? " picked" : "");
  const line = element(parent, "path", {class: kind, d: path});
  element(line, "title", {}, [...edge.values].join("\n") + (edge.copied ? "\ncopied" : ""));
}

function drawNode(parent, item) {
  const node = doc.nodes[item.nodes[0]], place = placeOf(node);
  const x = item.cell.x - item.width / 2, y = item.cell.y - item.height / 2;
  const picked = state.picked === node.id ? " picked" : "";
  const dim = filtering() && !matches(node) ? " dim" : "";
  const group = element(parent, "g", {class: "item" + picked + dim, "data-node": node.id});
  element(group, "rect", {class: "box", x, y, width: item.width, height: item.height, rx: 6});
  element(group, "rect", {x: x + 1, y: y + 6, width: 4, height: item.height - 12, rx: 2,
                          fill: colorOf(place.backend)});
  element(group, "text", {x: x + 14, y: y + 18}, node.op);
  element(group, "text", {class: "detail", x: x + 14, y: y + 33}, shortened(detailOf(node), 29));
  if (!place.first_choice)
    element(group, "circle", {class: "refused", cx: x + item.width - 12, cy: y + 13, r: 4});
  const chips = [...item.inputs];
  if (chips.length) {
    const text = chips.map(chip => shortened(chip, 18)).slice(0, 2).join(", ") +
        (chips.length > 2 ? ", \u2026" : "");
    element(group, "text", {class: "chip", x: x + 14, y: y - 4}, "\u2193 " + text);
  }
  element(group, "title", {}, node.name + "\n" + place.backend);
  group.addEventListener("click", () => pick(node.id));
}

function drawGroup(parent, item) {
  const {repeat, first, last} = item.group, of = doc.repeats[repeat];
  const x = item.cell.x - item.width / 2, y = item.cell.y - item.height / 2;
  const found = item.nodes.filter(id => matches(doc.nodes[id])).length;
  const dim = filtering() && found === 0 ? " dim" : "";
  const group = element(parent, "g", {class: "item group" + dim});
  element(group, "rect", {class: "box", x, y, width: item.width, height: item.height, rx: 6});
  const counts = new Map();
  for (const id of item.nodes) {
    const backend = placeOf(doc.nodes[id]).backend;
    counts.set(backend, (counts.get(backend) || 0) + 1);
  }
  let at = x + 14;
  for (const [backend, count] of counts) {
    const width = (item.width - 28) * count / item.nodes.length;
    element(group, "rect", {x: at, y: y + item.height - 9, width: Math.max(1, width - 2), height: 4,
                            rx: 2, fill: colorOf(backend)});
    at += width;
  }
  const name = first === last ? `block ${first + 1} of ${of.count}`
                              : `blocks ${first + 1} to ${last + 1} of ${of.count}, alike`;
  element(group, "text", {x: x + 14, y: y + 17}, "\u25b8 " + name);
  const detail = `${item.nodes.length} nodes` + (filtering() ? `, ${found} match` : "");
  element(group, "text", {class: "detail", x: x + item.width - 14, y: y + 30, "text-anchor": "end"},
          detail);
  group.addEventListener("click", () => {
    state.open.add(first === last ? blockKey(repeat, first) : runKey(repeat));
    draw();
  });
}

// A frame around the nodes of an open layer; its name folds it.
function drawFrames(parent, items) {
  const bands = new Map();
  for (const item of items) {
    if (item.group || !item.key.startsWith("block")) continue;
    const cell = item.cell;
    const frame = bands.get(item.band) ||
        {key: item.key, block: blockOf[item.nodes[0]], left: Infinity, top: Infinity,
         right: -Infinity, bottom: -Infinity};
    frame.left = Math.min(frame.left, cell.x - cell.width / 2);
    frame.right = Math.max(frame.right, cell.x + cell.width / 2);
    frame.top = Math.min(frame.top, cell.y - cell.height / 2);
    frame.bottom = Math.max(frame.bottom, cell.y + cell.height / 2);
    bands.set(item.band, frame);
  }
  for (const frame of bands.values()) {
    const repeat = doc.repeats[frame.block.repeat];
    const x = frame.left - 20, y = frame.top - 22;
    element(parent, "rect", {class: "frame", x, y, width: frame.right - frame.left + 40,
                             height: frame.bottom - frame.top + 34, rx: 10});
    const name = element(parent, "text", {class: "frame-name", x: x + 10, y: y - 5},
        `\u25be block ${frame.block.index + 1} of ${repeat.count}, ${repeat.period} nodes`);
    name.addEventListener("click", () => {
      state.open.delete(frame.key);
      draw();
    });
  }
}

function draw() {
  const items = visibleItems(), edges = visibleEdges(items);
  const size = placeItems(items, edges);
  svg.replaceChildren();
  svg.setAttribute("width", size.width);
  svg.setAttribute("height", size.height);
  const below = element(svg, "g"), above = element(svg, "g");
  drawFrames(below, items);
  for (const edge of edges) drawEdge(below, edge, items);
  for (const item of items) (item.group ? drawGroup : drawNode)(above, item);
}
