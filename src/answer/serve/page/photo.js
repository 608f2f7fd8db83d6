"use strict";
// Sends a chosen, dropped or pasted photo, and draws the answer on it.
const element = (id) => document.getElementById(id);
const [form, drop, input, key, status, result] =
    ["form", "drop", "image", "key", "status", "result"].map(element);
const [photo, boxes, faces] = ["photo", "boxes", "faces"].map(element);
// Counts photos: the answer to an earlier one is not shown with a later one.
let latest = 0;
// The last photo, which is sent again once the key is there.
let last = null;
// The answer that is drawn.
let shown = null;

function say(text, isBad = false) {
    status.textContent = text;
    status.classList.toggle("bad", isBad);
}

function percent(share) {
    return (100 * share).toFixed(1) + "\u00a0%";
}

function made(name, className, text) {
    const node = document.createElement(name);
    node.className = className;
    node.textContent = text;
    return node;
}

// In shares of the photo, so that boxes stay where they are when the page changes its size.
function drawBox(face, size) {
    const [left, top, right, bottom] = face.box;
    const box = made("div", "box" + (face.nearest === undefined ? "" : " nobody"), "");
    box.style.left = 100 * left / size.width + "%";
    box.style.top = 100 * top / size.height + "%";
    box.style.width = 100 * (right - left) / size.width + "%";
    box.style.height = 100 * (bottom - top) / size.height + "%";
    boxes.append(box);
}

// What a face is called in the photo, at three lengths; the number is the table's.
function nameOf(face, number, length) {
    if (length === 0) return String(number);
    return length === 2 && face.nearest === undefined
        ? face.label + " " + percent(face.probability) : face.label;
}

// Where a face is on the page.
function placeOf(face, size) {
    const across = boxes.clientWidth / size.width, down = boxes.clientHeight / size.height;
    const [left, top, right, bottom] = face.box;
    return { x: left * across, y: top * down, right: right * across, bottom: bottom * down };
}

// Above the box, or below it: where it covers nothing that is taken. Says whether there was such a place.
function drawName(face, text, size, taken) {
    const node = made("div", "name" + (face.nearest === undefined ? "" : " nobody"), text);
    boxes.append(node);
    const place = placeOf(face, size);
    const width = node.offsetWidth, height = node.offsetHeight;
    const x = Math.max(0, Math.min(place.x, boxes.clientWidth - width));
    const above = place.y - height - 2, below = place.bottom + 2;
    const isFree = (y) => y >= 0 && y + height <= boxes.clientHeight
        && !taken.some((other) => x < other.right && other.x < x + width
            && y < other.bottom && other.y < y + height);
    const free = [above, below].find(isFree);
    const y = free ?? Math.max(0, above);
    node.style.left = x + "px";
    node.style.top = y + "px";
    taken.push({ x, y, right: x + width, bottom: y + height });
    return free !== undefined && node.scrollWidth <= node.clientWidth;
}

// With the longest names that cover neither each other nor a face, and are not cut off.
function draw(answer) {
    for (const length of [2, 1, 0]) {
        boxes.replaceChildren();
        answer.faces.forEach((face) => drawBox(face, answer));
        const taken = answer.faces.map((face) => placeOf(face, answer));
        const areFree = answer.faces.map((face, index) =>
            drawName(face, nameOf(face, index + 1, length), answer, taken));
        if (areFree.every((isFree) => isFree)) return;
    }
}

function addRow(face, number) {
    const row = document.createElement("tr");
    const head = made("th", "", String(number));
    head.scope = "row";
    const isKnown = face.nearest === undefined;
    const label = made("td", isKnown ? "known" : "nobody", face.label);
    if (!isKnown) label.append(" ", made("span", "soft", "(nearest: " + face.nearest + ")"));
    const probability = made("td", "share", "");
    const meter = document.createElement("meter");
    meter.value = face.probability;
    meter.setAttribute("aria-hidden", "true");
    probability.append(meter, percent(face.probability));
    const others = Object.entries(face.probabilities).slice(1, 3);
    const next = others.map(([name, share]) => name + " " + percent(share)).join(", ");
    const similarity = face.similarity === undefined ? "" : face.similarity.toFixed(2);
    row.append(head, label, probability, made("td", "share", similarity), made("td", "soft next", next));
    faces.append(row);
}

function show(answer) {
    const count = answer.faces.length;
    const names = answer.faces.map((face) => face.label).join(", ");
    say(count === 0 ? "No face was found."
        : count === 1 ? "One face: " + names + "." : count + " faces: " + names + ".");
    photo.alt = "The photo. " + status.textContent;
    result.querySelector(".table").hidden = count === 0;
    answer.faces.forEach((face, index) => addRow(face, index + 1));
    shown = answer;
    draw(answer);
}

function askForKey() {
    say(key.value ? "That is not this server's key." : "This server needs its key: type it above and press Enter.", true);
    key.select();
}

// Resolves whether the browser can show the file.
function preview(file) {
    URL.revokeObjectURL(photo.src);
    return new Promise((resolve) => {
        photo.onload = () => resolve(true);
        photo.onerror = () => resolve(false);
        photo.src = URL.createObjectURL(file);
    });
}

async function ask(file) {
    const number = ++latest;
    last = file;
    shown = null;
    boxes.replaceChildren();
    faces.replaceChildren();
    photo.alt = "The photo";
    result.querySelector(".table").hidden = true;
    result.hidden = false;
    say("Looking at the photo …");
    const isShown = await preview(file);
    result.querySelector(".stage").hidden = !isShown;
    const headers = {};
    if (key && key.value) headers["X-API-Key"] = key.value;
    const body = new FormData();
    body.append("image", file);
    try {
        const response = await fetch("/predict_json", { method: "POST", body, headers });
        if (number !== latest) return;
        if (response.status === 401 && key) return askForKey();
        const answer = await response.json();
        if (number !== latest) return;
        if (response.ok) show(answer);
        else say("That did not work: " + answer.error + ".", true);
    } catch (error) {
        if (number === latest) say("The server does not answer. Is it still running?", true);
    }
}

new ResizeObserver(() => shown && draw(shown)).observe(photo);
input.addEventListener("change", () => {
    if (input.files.length) ask(input.files[0]);
    input.value = "";
});
// Enter in the field of the key.
form.noValidate = true;
form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (last) ask(last);
});
for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
        event.preventDefault();
        drop.classList.add("over");
    });
}
document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.classList.remove("over");
});
document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const file = event.dataTransfer.files[0];
    if (file) ask(file);
});
document.addEventListener("paste", (event) => {
    const file = event.clipboardData.files[0];
    if (file) ask(file);
});
