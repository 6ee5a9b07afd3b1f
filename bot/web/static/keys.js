// Security keys at the desk. Without this file, or where the browser has no keys, a code does the same.
// The answer of the key goes into a hidden field of the form and is posted like any form.
"use strict";
(() => {
  const form = document.getElementById("key-form"), note = document.getElementById("key-note");
  if (!form || !window.PublicKeyCredential || !navigator.credentials) return;
  const creates = form.dataset.does === "create", asked = JSON.parse(form.dataset.options).publicKey;
  const button = form.querySelector("button");

  function bytes(text) {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (char) => char.charCodeAt(0));
  }
  function text(buffer) {
    const plain = String.fromCharCode(...new Uint8Array(buffer));
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }
  function options() {
    const own = Object.assign({}, asked, { challenge: bytes(asked.challenge), timeout: 120000 });
    for (const list of ["allowCredentials", "excludeCredentials"]) {
      if (own[list]) own[list] = own[list].map((one) => Object.assign({}, one, { id: bytes(one.id) }));
    }
    if (own.user) own.user = Object.assign({}, own.user, { id: bytes(own.user.id) });
    return { publicKey: own };
  }
  function told(key) {
    const given = key.response, response = { clientDataJSON: text(given.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (given[name]) response[name] = text(given[name]);
    }
    return { id: key.id, rawId: text(key.rawId), type: key.type, response, clientExtensionResults: {} };
  }
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    note.textContent = "";
    try {
      const key = await (creates ? navigator.credentials.create(options()) : navigator.credentials.get(options()));
      form.elements.answer.value = JSON.stringify(told(key));
      form.submit();
    } catch {
      note.textContent = form.dataset.failed;
      button.disabled = false;
    }
  });
})();
