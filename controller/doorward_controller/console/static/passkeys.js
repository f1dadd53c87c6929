// Passkeys: asks the browser to make or use one, and hands its answer to the form around the button.
// Without this file, or in a browser without passkeys, the forms stay hidden and all else works.
(() => {
  const toBytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const toText = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const withBytes = (list) => (list ?? []).map((each) => ({ ...each, id: toBytes(each.id) }));
  // A key is tied to a name: browsers refuse addresses in numbers.
  const isNamed = !/^[\d.]+$|:/.test(window.location.hostname);
  const isAble = Boolean(window.PublicKeyCredential) && window.isSecureContext && isNamed;

  async function make(options) {
    return navigator.credentials.create({ publicKey: {
      ...options,
      challenge: toBytes(options.challenge),
      user: { ...options.user, id: toBytes(options.user.id) },
      excludeCredentials: withBytes(options.excludeCredentials),
    } });
  }
  async function use(options) {
    return navigator.credentials.get({ publicKey: {
      ...options,
      challenge: toBytes(options.challenge),
      allowCredentials: withBytes(options.allowCredentials),
    } });
  }
  function written(credential) {
    const response = { clientDataJSON: toText(credential.response.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) response[name] = toText(credential.response[name]);
    }
    return JSON.stringify({ id: credential.id, rawId: toText(credential.rawId), type: credential.type, response, clientExtensionResults: {} });
  }

  async function run(form) {
    const csrf = form.elements.csrf_token.value;
    const begun = await fetch(form.dataset.begin, { method: "POST", body: new URLSearchParams({ csrf_token: csrf }) });
    // The server sends whoever must prove again who they are to another page.
    if (begun.redirected) { window.location.assign(begun.url); return; }
    if (!begun.ok) throw new Error(`status ${begun.status}`);
    const { token, options } = await begun.json();
    const credential = await (form.dataset.passkey === "make" ? make(options) : use(options));
    form.elements.token.value = token;
    form.elements.answer.value = written(credential);
    form.submit();
  }

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (!isAble) continue;
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("button[type=submit]");
      const said = form.querySelector("[data-passkey-said]");
      button.disabled = true;
      said.hidden = true;
      try {
        await run(form);
      } catch {
        said.hidden = false;
      } finally {
        button.disabled = false;
      }
    });
  }
  for (const note of document.querySelectorAll("[data-no-passkey]")) note.hidden = isAble;
})();
