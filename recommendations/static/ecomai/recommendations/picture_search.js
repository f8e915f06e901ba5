/* Search by picture: a button that sends one, and a dialog that shows what looks like it; see docs/images.md. */
(function () {
  "use strict";
  if (window.ecomaiPictures) return;
  window.ecomaiPictures = true;
  /* Encoders look at less. A picture that is drawn anew is small to send, and says nothing of place and time. */
  const SIDE = 1024;

  async function redrawn(file, box) {
    let picture;
    try { picture = await createImageBitmap(file); } catch (error) { return file; } /* the server says what is wrong */
    const factor = Math.min(1, SIDE / Math.max(picture.width, picture.height));
    const sheet = document.createElement("canvas");
    sheet.width = Math.max(1, Math.round(picture.width * factor));
    sheet.height = Math.max(1, Math.round(picture.height * factor));
    const pen = sheet.getContext("2d");
    pen.fillStyle = "white";
    pen.fillRect(0, 0, sheet.width, sheet.height);
    pen.drawImage(picture, 0, 0, sheet.width, sheet.height);
    show(sheet, box.querySelector("canvas"));
    return await new Promise((resolve) => sheet.toBlob((blob) => resolve(blob || file), "image/jpeg", 0.9));
  }

  function show(sheet, place) {
    const factor = Math.min(place.width / sheet.width, place.height / sheet.height);
    const width = sheet.width * factor, height = sheet.height * factor, pen = place.getContext("2d");
    pen.clearRect(0, 0, place.width, place.height);
    pen.drawImage(sheet, (place.width - width) / 2, (place.height - height) / 2, width, height);
  }

  async function ask(box, picture) {
    const form = new FormData(), headers = { "X-Ecomai-Key": box.dataset.key, "Accept-Language": document.documentElement.lang };
    form.append("picture", picture, "picture");
    try {
      const answer = await fetch(box.dataset.endpoint, { method: "POST", credentials: "same-origin", headers, body: form });
      const body = await answer.json();
      return answer.ok ? body : { items: [], message: body.error.message };
    } catch (error) { return { items: [], message: box.dataset.failed }; }
  }

  function price(item) {
    if (item.price === null) return "";
    try {
      return new Intl.NumberFormat(document.documentElement.lang || undefined, { style: "currency", currency: item.currency }).format(item.price);
    } catch (error) { return `${item.price} ${item.currency}`; }
  }

  function part(tag, name, text) {
    const element = document.createElement(tag);
    element.className = `ecomai-picture__${name}`;
    if (text) element.textContent = text;
    return element;
  }

  function entry(item, position) {
    const row = part("li", "entry"), link = part(item.url ? "a" : "div", "link"), image = part("img", "image");
    if (item.url) link.href = item.url;
    Object.assign(image, { src: item.image_url, alt: "", width: 160, height: 160 });
    if (item.image_url) link.append(image);
    link.append(part("span", "title", item.title), part("span", "price", price(item)));
    Object.assign(link.dataset, {
      ecomaiEvent: "impression click", ecomaiItem: item.item,
      ecomaiProperties: JSON.stringify({ placement: "picture-search", position }),
    });
    row.append(link);
    return row;
  }

  async function search(box, file) {
    const dialog = box.querySelector("dialog"), list = dialog.querySelector("ol"), status = dialog.querySelector("[role=status]");
    list.replaceChildren();
    status.textContent = box.dataset.busy;
    dialog.classList.remove("has-failed");
    if (!dialog.open) dialog.showModal();
    const answer = await ask(box, await redrawn(file, box));
    list.replaceChildren(...answer.items.map((item, place) => entry(item, place + 1)));
    dialog.classList.toggle("has-failed", Boolean(answer.message));
    status.textContent = answer.message || (answer.items.length ? box.dataset.found : box.dataset.none);
  }

  function start(box) {
    const file = box.querySelector("input"), dialog = box.querySelector("dialog");
    const choose = () => { file.value = ""; file.click(); };
    box.hidden = false;
    box.querySelector(".ecomai-picture__button").addEventListener("click", choose);
    dialog.querySelector(".ecomai-picture__another").addEventListener("click", choose);
    dialog.querySelector(".ecomai-picture__close").addEventListener("click", () => dialog.close());
    file.addEventListener("change", () => { if (file.files.length) search(box, file.files[0]); });
  }

  const begin = () => document.querySelectorAll("[data-ecomai-picture]").forEach(start);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin); else begin();
})();
