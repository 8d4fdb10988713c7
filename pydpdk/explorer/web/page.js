// The sections of the page, one function each.
const SHOWN = 14; // owners before the button

function showHead() {
  document.getElementById("prefix").textContent = D.prefix;
  document.getElementById("about").textContent = `DPDK ${D.dpdk}, IOVA as ${D.iova_mode.toUpperCase()}, `
    + `${D.attached ? "seen by a secondary process" : "seen from inside"} at `
    + `${D.taken.replace("T", " ").replace("+00:00", " UTC")}`;
  document.getElementById("went-title").textContent = `Where ${size(D.mapped)} went`;
}

function showChain() {
  const pages = new Map();
  for (const [, , n, pageSize] of D.runs) pages.set(pageSize, (pages.get(pageSize) ?? 0) + n);
  const huge = [...pages].map(([pageSize, n]) => `${count(n)} × ${size(pageSize)}`).join(", ");
  const mbufs = D.pools.filter((pool) => pool.mbufs);
  const all = mbufs.reduce((sum, pool) => sum + pool.size, 0);
  const flight = mbufs.reduce((sum, pool) => sum + (pool.in_flight ?? 0), 0);
  const links = [
    ["hugepages", huge || "none", `${size(D.mapped)} that the kernel keeps in place`],
    ["memsegs", size(D.reserved), `of addresses reserved in ${D.lists.length} lists; a memseg is a page mapped there`],
    ["memzones", count(D.zones.length), "pieces with a name, found by every process"],
    ["mempools", count(D.pools.length), "objects of one size, made once, taken and given back"],
    ["mbufs", count(all), `packet buffers, ${count(flight)} of them in flight`],
    ["packet data", mbufs.length ? `${size(Math.max(...mbufs.map((p) => p.object)))}` : "none",
      "at most, with the mbuf's own fields, per packet"],
  ];
  document.getElementById("chain").append(...links.map(([link, number, text]) =>
    make("li", {}, make("b", {}, link), make("strong", {}, number), make("span", {}, text))));
}

function ownerTip(owner) {
  return [
    ["kind", KINDS[owner.kind] ?? owner.kind],
    ["has", `${size(owner.bytes)}, ${percent(owner.bytes, D.mapped)}`],
    ["pieces", count(owner.blocks)],
  ];
}

function showOwners() {
  const whole = document.getElementById("whole"), rows = document.getElementById("owners");
  for (const owner of owners) {
    const part = make("i", { style: { flex: `${owner.bytes} 0 0`, background: colour(owner) } });
    part.addEventListener("pointermove", (event) => showTip(event, label(owner), ownerTip(owner)));
    whole.append(markable(part, owner));
  }
  const nodes = owners.map((owner) => markable(make("button", { class: "owner", type: "button" },
    make("span", { class: `swatch ${owner.kind}`, style: { background: colour(owner) } }),
    make("span", { class: "name" }, label(owner),
      make("small", {}, KINDS[owner.kind] && owner.kind !== "memzone" ? KINDS[owner.kind]
        : owner.blocks > 1 ? `${count(owner.blocks)} blocks` : "")),
    make("span", { class: "num" }, size(owner.bytes)),
    make("span", { class: "num soft" }, percent(owner.bytes, D.mapped))), owner));
  rows.append(...nodes.slice(0, SHOWN));
  if (nodes.length <= SHOWN) return;
  const more = make("button", { class: "more", type: "button" }, `${nodes.length - SHOWN} more`);
  more.addEventListener("click", () => { rows.append(...nodes.slice(SHOWN)); more.remove(); });
  rows.after(more);
}

function poolParts(pool, base) {
  const parts = [];
  if (pool.in_flight !== null)
    parts.push(["in flight", pool.in_flight, base, null]);
  pool.cached.forEach(([lcore, held], i) => parts.push([`cache of lcore ${lcore}`, held,
    `color-mix(in srgb, ${base} ${i % 2 ? 46 : 60}%, var(--card))`, null]));
  if (pool.common !== null) parts.push(["free in the pool", pool.common, "var(--free)", "var(--gap)"]);
  return parts;
}

function showPools() {
  const place = document.getElementById("pools");
  for (const pool of D.pools) {
    const parts = poolParts(pool, `var(${poolColour.get(pool.name)})`);
    const known = pool.common === null ? ["its queue of free objects is of a kind that cannot be read from here"] : [];
    place.append(make("div", { class: "pool" },
      make("h3", {}, pool.name, make("span", {}, `${count(pool.size)} ${pool.mbufs ? "mbufs" : "objects"} of `
        + `${size(pool.object)}, ${node(pool.socket_id)}, in ${count(pool.chunks)} `
        + `${pool.chunks === 1 ? "chunk" : "chunks"}, caches of ${count(pool.cache_size)}`)),
      make("div", { class: "bar counts" }, ...parts.filter(([, n]) => n).map(([name, n, fill]) =>
        make("i", { title: `${name}: ${count(n)}`, style: { flex: `${n} 0 0`, background: fill } }))),
      make("div", { class: "keys" }, ...parts.map(([name, n, fill, edge]) => make("span",
        { style: { "--key": fill, ...(edge ? { "--edge": edge } : {}) } },
        `${name} ${count(n)}`)), ...known)));
  }
  if (!D.pools.length) place.append(make("p", { class: "empty" }, "There is none."));
}

// A table whose headings sort it. A column: heading, the value to sort by, the cell, is it a number.
function table(node, columns, rows, first, extra = () => {}) {
  const body = make("tbody"), heads = [];
  let shown = rows, by = first, down = true;
  const fill = () => {
    const value = columns[by].value, sign = down ? -1 : 1;
    const sorted = [...shown].sort((a, b) => sign * (value(a) > value(b) ? 1 : value(a) < value(b) ? -1 : 0));
    body.replaceChildren(...sorted.map((row) => {
      const line = make("tr", {}, ...columns.map(({ cell, number, mono }) =>
        make("td", { class: `${number ? "num" : ""} ${mono ? "mono" : ""}` }, cell(row))));
      extra(line, row);
      return line;
    }));
    heads.forEach((head, i) => head.setAttribute("aria-sort",
      i !== by ? "none" : down ? "descending" : "ascending"));
  };
  columns.forEach(({ head, number }, i) => heads.push(make("th", { class: number ? "num" : "", scope: "col" },
    make("button", { type: "button", onclick: () => {
      down = by === i ? !down : Boolean(number); by = i; fill();
    } }, head))));
  node.append(make("thead", {}, make("tr", {}, ...heads)), body);
  fill();
  return (keep) => { shown = rows.filter(keep); fill(); };
}

function showZones() {
  const owned = new Map(owners.map((owner) => [`${owner.kind} ${owner.name}`, owner]));
  const ownerOf = ([, kind, owner]) => owned.get(`${kind} ${owner}`);
  const swatch = (zone) => make("span", { class: "swatch", style: { background: colour({ kind: zone[1], name: zone[2] }) } });
  const column = (head, i, cell, more = {}) => ({ head, value: (zone) => zone[i], cell, ...more });
  const number = { number: true };
  const only = table(document.getElementById("zones"), [
    column("name", 0, (zone) => make("span", {}, swatch(zone), zone[0])),
    column("belongs to", 2, (zone) => (zone[2] === zone[0] ? zone[1] : `${zone[1]} ${zone[2]}`)),
    column("size", 5, (zone) => size(zone[5]), number),
    column("bytes", 5, (zone) => count(zone[5]), number),
    column("address", 3, (zone) => hex(zone[3]), { mono: true }),
    column("IOVA", 4, (zone) => hex(zone[4]), { mono: true }),
    column("page", 6, (zone) => size(zone[6]), number),
    column("node", 7, (zone) => String(zone[7]), number),
  ], D.zones, 2, (line, zone) => { const owner = ownerOf(zone); if (owner) markable(line, owner); });
  const filter = document.getElementById("filter");
  filter.addEventListener("input", () => {
    const text = filter.value.toLowerCase();
    only(([name, , owner]) => `${name} ${owner}`.toLowerCase().includes(text));
  });
}

function showRingsAndHeaps() {
  const rings = document.getElementById("rings"), heaps = document.getElementById("heaps");
  if (D.rings.length) table(rings, [
    { head: "ring", value: (r) => r[0], cell: (r) => r[0] },
    { head: "used", value: (r) => r[1], cell: (r) => count(r[1]), number: true },
    { head: "slots", value: (r) => r[2], cell: (r) => count(r[2]), number: true },
  ], D.rings, 1);
  else rings.replaceWith(make("p", { class: "empty" }, "No rings but those of mempools."));
  table(heaps, [
    { head: "heap of node", value: (h) => h[0], cell: (h) => String(h[0]) },
    { head: "size", value: (h) => h[1], cell: (h) => size(h[1]), number: true },
    { head: "free", value: (h) => h[2], cell: (h) => size(h[2]), number: true },
    { head: "largest free", value: (h) => h[3], cell: (h) => size(h[3]), number: true },
    { head: "free pieces", value: (h) => h[4], cell: (h) => count(h[4]), number: true },
    { head: "blocks in use", value: (h) => h[5], cell: (h) => count(h[5]), number: true },
  ], D.heaps, 1);
}

showHead();
showChain();
showOwners();
showMaps();
showPools();
showRingsAndHeaps();
showZones();
