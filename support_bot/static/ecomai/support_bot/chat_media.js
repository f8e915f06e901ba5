/* Pictures and speech in the chat; loaded when it is first opened. A recording becomes plain PCM here, so that the
   server needs no codec. What was heard goes into the field, and is sent by the customer alone. */
(function () {
  "use strict";
  const LONGEST_SIDE = 1600, MOST_PICTURES = 3, RATE = 16000, LONGEST_SECONDS = 30, POLL_MS = 700, MOST_POLLS = 90;

  const SVG = "http://www.w3.org/2000/svg";
  const DRAWINGS = {
    add: "M4 7h3l2-2h6l2 2h3v12H4z M12 16a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z",
    speak: "M12 14a3 3 0 0 0 3-3V6a3 3 0 0 0-6 0v5a3 3 0 0 0 3 3z M6 11a6 6 0 0 0 12 0 M12 17v4 M9 21h6",
    remove: "M6 6l12 12 M18 6L6 18",
  };

  window.ecomaiChatMedia = function (chat) {
    const { form, field, note, send, texts, make } = chat;

    /* -- pictures --------------------------------------------------------------------------------------- */

    const chosen = [];   // { blob, alt field, node }
    const strip = make("div", "chosen");
    strip.hidden = true;
    form.before(strip);
    const files = make("input");
    files.type = "file";
    files.accept = "image/*";
    files.multiple = true;
    files.hidden = true;
    form.appendChild(files);
    const add = iconButton("add", texts.add_picture);
    form.insertBefore(add, field);
    add.addEventListener("click", () => files.click());
    files.addEventListener("change", async () => {
      for (const file of files.files) if (chosen.length < MOST_PICTURES) await choose(file);
      files.value = "";
      field.focus();
    });

    // Drawn and not written: not every machine has letters for such signs.
    function iconButton(name, label) {
      const button = make("button", `icon ${name}`);
      const drawing = document.createElementNS(SVG, "svg");
      drawing.setAttribute("viewBox", "0 0 24 24");
      drawing.setAttribute("aria-hidden", "true");
      drawing.appendChild(document.createElementNS(SVG, "path")).setAttribute("d", DRAWINGS[name]);
      button.appendChild(drawing);
      button.type = "button";
      button.title = label;
      button.setAttribute("aria-label", label);
      return button;
    }

    async function choose(file) {
      const blob = await smaller(file);
      const node = strip.appendChild(make("div", "one"));
      const picture = node.appendChild(make("img"));
      picture.alt = file.name;
      try { picture.src = await chat.asAddress(blob); } catch (error) { /* shown by its name */ }
      const alt = node.appendChild(make("input"));
      alt.type = "text";
      alt.maxLength = 200;
      alt.placeholder = texts.describe;
      alt.setAttribute("aria-label", texts.describe);
      const entry = { blob, alt, node };
      const remove = node.appendChild(iconButton("remove", texts.remove));
      remove.addEventListener("click", () => { drop(entry); field.focus(); });
      chosen.push(entry);
      strip.hidden = false;
    }

    function drop(entry) {
      chosen.splice(chosen.indexOf(entry), 1);
      entry.node.remove();
      strip.hidden = chosen.length === 0;
    }

    // A telephone's photo is many times what is looked at; a file that the browser cannot draw is sent as it is.
    async function smaller(file) {
      try {
        const picture = await createImageBitmap(file);
        const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
        const canvas = document.createElement("canvas");
        canvas.width = Math.round(picture.width * scale);
        canvas.height = Math.round(picture.height * scale);
        const context = canvas.getContext("2d");
        context.fillStyle = "#fff";
        context.fillRect(0, 0, canvas.width, canvas.height);
        context.drawImage(picture, 0, 0, canvas.width, canvas.height);
        return await new Promise((done) => canvas.toBlob((blob) => done(blob || file), "image/jpeg", 0.85));
      } catch (error) { return file; }
    }

    function upload(kind, blob, alt) {
      const body = new FormData();
      body.append("kind", kind);
      body.append("alt", alt);
      body.append("file", blob, kind);
      return chat.ask(`${chat.attachmentsPath}?language=${encodeURIComponent(chat.language)}`, body);
    }

    // Says whether it takes care of what is to be sent.
    function submit(text) {
      if (!chosen.length) return false;
      sendAll(text);
      return true;
    }

    async function sendAll(text) {
      send.disabled = true;
      note.textContent = texts.sending;
      const ids = [];
      try {
        for (const entry of [...chosen]) {
          const answer = await upload("picture", entry.blob, entry.alt.value);
          if (answer.isError) { note.textContent = answer.message; field.value = field.value || text; return; }
          chat.keepVisitor(answer.visitor);
          ids.push(answer.id);
        }
        [...chosen].forEach(drop);
        note.textContent = "";
        chat.say(text, "", ids);
      } catch (error) {
        note.textContent = texts.not_sent;
        field.value = field.value || text;
      } finally { send.disabled = false; }
    }

    /* -- speech ----------------------------------------------------------------------------------------- */

    let recorder = null, stopper = 0;
    const canRecord = navigator.mediaDevices && window.MediaRecorder && window.OfflineAudioContext;
    const speak = iconButton("speak", texts.speak);
    if (canRecord) form.insertBefore(speak, field);
    speak.addEventListener("click", () => { if (recorder) recorder.stop(); else record(); });

    async function record() {
      let stream;
      try { stream = await navigator.mediaDevices.getUserMedia({ audio: true }); } catch (error) { note.textContent = texts.no_microphone; return; }
      const parts = [];
      recorder = new MediaRecorder(stream);
      recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
      recorder.addEventListener("stop", () => {
        clearTimeout(stopper);
        stream.getTracks().forEach((track) => track.stop());
        const blob = new Blob(parts, { type: recorder.mimeType });
        recorder = null;
        showRecording(false);
        hear(blob);
      });
      recorder.start();
      stopper = setTimeout(() => recorder && recorder.stop(), LONGEST_SECONDS * 1000);
      showRecording(true);
    }

    function showRecording(isOn) {
      speak.classList.toggle("is-on", isOn);
      speak.setAttribute("aria-pressed", String(isOn));
      speak.setAttribute("aria-label", isOn ? texts.stop : texts.speak);
      speak.title = isOn ? texts.stop : texts.speak;
      note.textContent = isOn ? texts.listening : "";
    }

    async function hear(blob) {
      note.textContent = texts.hearing;
      speak.disabled = true;
      try {
        let answer = await upload("voice", await asWave(blob), "");
        if (!answer.isError) chat.keepVisitor(answer.visitor);
        for (let n = 0; !answer.isError && answer.state === "waiting" && n < MOST_POLLS; n += 1) {
          await new Promise((done) => setTimeout(done, POLL_MS));
          answer = await chat.ask(`${chat.attachmentsPath}${answer.id}/?language=${encodeURIComponent(chat.language)}`);
        }
        if (answer.isError || answer.state !== "read") { note.textContent = answer.message || texts.not_heard; return; }
        field.value = [field.value, answer.text].filter(Boolean).join(" ");
        note.textContent = texts.heard;
        field.focus();
      } catch (error) { note.textContent = texts.not_heard; } finally { speak.disabled = false; }
    }

    async function asWave(blob) {
      const context = new AudioContext();
      const heard = await context.decodeAudioData(await blob.arrayBuffer());
      context.close();
      const mixer = new OfflineAudioContext(1, Math.max(1, Math.ceil(heard.duration * RATE)), RATE);
      const source = mixer.createBufferSource();
      source.buffer = heard;
      source.connect(mixer.destination);
      source.start();
      const samples = (await mixer.startRendering()).getChannelData(0);
      return new Blob([header(samples.length), pcm(samples)], { type: "audio/wav" });
    }

    function pcm(samples) {
      const written = new DataView(new ArrayBuffer(samples.length * 2));
      samples.forEach((value, place) => written.setInt16(place * 2, Math.max(-1, Math.min(1, value)) * 32767, true));
      return written;
    }

    function header(nSamples) {
      const view = new DataView(new ArrayBuffer(44)), nBytes = nSamples * 2;
      const letters = (place, text) => [...text].forEach((letter, n) => view.setUint8(place + n, letter.charCodeAt(0)));
      letters(0, "RIFF"); view.setUint32(4, 36 + nBytes, true); letters(8, "WAVEfmt ");
      view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
      view.setUint32(24, RATE, true); view.setUint32(28, RATE * 2, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true);
      letters(36, "data"); view.setUint32(40, nBytes, true);
      return view;
    }

    return { submit };
  };
})();
