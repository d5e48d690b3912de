// The linked views of a report: NiiVue draws, this puts one view beside another and reads the values.
"use strict";
(async () => {
  const { Niivue, NVImage } = globalThis.niivue;
  const layers = JSON.parse(document.getElementById("layers").textContent);
  const byName = Object.fromEntries(layers.map((layer) => [layer.name, layer]));
  const shown = layers.filter((layer) => layer.kind !== "projection");
  const fusion = shown.find((layer) => layer.kind === "fusion");
  const [plane, overlay, opacity, colours] = ["plane", "overlay", "opacity", "colours"].map((id) => document.getElementById(id));
  const views = []; // {viewer, layers: names, canvas}, one for each figure
  const palettes = ["gray", "inferno", "viridis", "hot", "cool", "plasma"];

  async function volumeOf(layer, strength) {
    const volume = await NVImage.loadFromBase64({ base64: layer.data, name: `${layer.name}.nii.gz`, colormap: layer.colormap, opacity: strength });
    [volume.cal_min, volume.cal_max] = layer.window; // of its own accord the viewer takes percentiles
    return volume;
  }

  async function addView(title, options = {}) {
    const figure = document.createElement("figure");
    const caption = figure.appendChild(document.createElement("figcaption"));
    caption.textContent = title;
    const frame = figure.appendChild(document.createElement("div"));
    frame.className = "frame";
    const canvas = frame.appendChild(document.createElement("canvas"));
    canvas.tabIndex = 0;
    canvas.setAttribute("aria-label", title);
    document.getElementById("views").append(figure);
    const viewer = new Niivue({
      backColor: [0, 0, 0, 1], crosshairColor: [0.35, 0.8, 1, 0.9], crosshairWidth: 1, dragAndDropEnabled: false, logLevel: "error",
      loadingText: "", isRadiologicalConvention: true, viewModeHotKey: "", clipPlaneHotKey: "", ...options,
    });
    await viewer.attachToCanvas(canvas, false);
    for (const layer of layers) if (layer.table) viewer.addColormap(layer.colormap, layer.table);
    return { viewer, canvas, caption, layers: [] };
  }

  async function put(view, layer, strength = 1) {
    const volume = await volumeOf(layer, strength);
    view.viewer.addVolume(volume);
    view.layers.push({ name: layer.name, volume });
  }

  const digits = (value, decimals) => (Number.isFinite(value) ? value.toFixed(decimals).replace(/^-(0(\.0*)?)$/, "$1") : "–");

  const volumeNamed = (name) => views.flatMap((view) => view.layers).find((one) => one.name === name).volume;

  function readValues(where) { // at the centre of the voxel that the cross-hair is in
    const table = document.getElementById("values");
    const first = volumeNamed(shown[0].name);
    const mm = first.vox2mm(first.mm2vox([...where].slice(0, 3)).map(Math.round), first.matRAS);
    const rows = shown.map((layer) => {
      const volume = volumeNamed(layer.name);
      const place = [...volume.mm2vox([...mm].slice(0, 3))].map(Math.round);
      return [layer.title, digits(volume.getValue(...place), layer.decimals), layer.unit];
    });
    rows.push(["Place", [...mm].slice(0, 3).map((side) => side.toFixed(1)).join(", "), "mm, right, front, up"]);
    table.replaceChildren(...rows.map((cells) => {
      const row = document.createElement("tr");
      cells.forEach((text, column) => {
        const cell = row.appendChild(document.createElement(column ? "td" : "th"));
        cell.textContent = text;
        if (column === 1) cell.className = "number";
      });
      return row;
    }));
  }

  const linked = () => views.filter((view) => !view.projection);

  function goTo(from) { // all views to the place of one; maps may be on a coarser grid
    const mm = from.viewer.frac2mm(from.viewer.scene.crosshairPos);
    for (const view of linked()) {
      if (view === from) continue;
      view.viewer.scene.crosshairPos = view.viewer.mm2frac(mm);
      view.viewer.drawScene();
    }
    readValues(mm);
  }

  async function setOverlay() {
    const view = views.find((one) => one.fusion);
    for (const { volume } of view.layers.splice(1)) view.viewer.removeVolume(volume);
    if (overlay.value) await put(view, byName[overlay.value], Number(opacity.value));
    const choice = byName[overlay.value]?.colormap ?? "gray";
    const own = choice === "gray" ? [] : [choice];
    colours.replaceChildren(...[...own, ...palettes.filter((name) => name !== choice || choice === "gray")].map((name) => new Option(name.replace(/^own-/, ""), name)));
  }

  function setOpacity() {
    const view = views.find((one) => one.fusion);
    if (view.layers.length > 1) view.viewer.setOpacity(1, Number(opacity.value));
  }

  function setColours() {
    for (const { viewer, layers: put } of views) {
      for (const { name, volume } of put) if (name === (overlay.value || fusion.name)) viewer.setColormap(volume.id, colours.value);
    }
  }

  function onKey(view, event) {
    const normal = { 0: 2, 1: 1, 2: 0, 3: 2 }[plane.value]; // the axis across the plane
    const [right, up] = [0, 1, 2].filter((axis) => axis !== normal);
    const mirrored = right === 0 ? -1 : 1; // the patient's right is on the left
    const steps = { ArrowRight: [right, mirrored], ArrowLeft: [right, -mirrored], ArrowUp: [up, 1], ArrowDown: [up, -1], PageUp: [normal, 1], PageDown: [normal, -1] };
    if (event.key in steps) {
      const [axis, step] = steps[event.key];
      const move = [0, 0, 0];
      move[axis] = step;
      view.viewer.moveCrosshairInVox(...move);
      if (!view.projection) goTo(view);
    } else if (event.key === "+" || event.key === "-") {
      opacity.value = Number(opacity.value) + (event.key === "+" ? 0.05 : -0.05);
      setOpacity();
    } else if (event.key === "p") {
      plane.value = (Number(plane.value) + 1) % 4;
      plane.dispatchEvent(new Event("change"));
    } else return;
    event.preventDefault();
  }

  for (const layer of shown) {
    const group = layer.group && views.find((view) => view.group === layer.group);
    const view = group || await addView(layer.group_title || layer.title);
    await put(view, layer, group ? 0 : 1);
    if (group) continue;
    Object.assign(view, { group: layer.group, fusion: layer === fusion });
    views.push(view);
  }
  for (const layer of layers.filter((one) => one.kind === "projection")) {
    const view = await addView(layer.title, { isOrientationTextVisible: false, isRadiologicalConvention: false, crosshairWidth: 0 });
    await put(view, layer);
    views.push(Object.assign(view, { projection: true }));
  }
  for (const view of views.filter((one) => one.group && one.layers.length > 1)) { // shares of several sources: one is shown
    const choice = view.caption.appendChild(document.createElement("select"));
    choice.append(...view.layers.map(({ name }) => new Option(byName[name].title, name)));
    choice.setAttribute("aria-label", view.caption.firstChild.textContent);
    choice.addEventListener("change", () => view.layers.forEach(({ name }, index) => view.viewer.setOpacity(index, name === choice.value ? 1 : 0)));
    choice.value = view.layers.at(-1).name;
    choice.dispatchEvent(new Event("change"));
  }

  overlay.append(new Option("nothing", ""), ...shown.filter((layer) => layer !== fusion).map((layer) => new Option(layer.title, layer.name)));
  overlay.value = shown.find((layer) => layer.functional)?.name ?? shown.find((layer) => layer.kind === "source" && layer !== shown[0])?.name ?? "";
  const flat = shown[0].size[2] === 1;
  if (flat) plane.replaceChildren(plane.options[0]);
  plane.addEventListener("change", () => linked().forEach(({ viewer }) => viewer.setSliceType(Number(plane.value))));
  overlay.addEventListener("change", setOverlay);
  opacity.addEventListener("input", setOpacity);
  colours.addEventListener("change", setColours);
  await setOverlay();
  for (const view of views) {
    view.viewer.setSliceType(view.projection ? 0 : Number(plane.value));
    view.canvas.addEventListener("keydown", (event) => onKey(view, event));
    if (!view.projection) view.viewer.onLocationChange = () => goTo(view);
  }
  const middle = volumeNamed(shown[0].name); // of a voxel, not between two
  const centre = middle.mm2vox([...views[0].viewer.frac2mm([0.5, 0.5, 0.5])].slice(0, 3)).map(Math.round);
  views[0].viewer.scene.crosshairPos = views[0].viewer.mm2frac(middle.vox2mm(centre, middle.matRAS));
  goTo(views[0]);
  views[0].viewer.drawScene();
  document.body.dataset.ready = "true";
})();
