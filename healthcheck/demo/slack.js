let shown = null;
async function renew() {
  try {
    const html = await (await fetch("messages")).text();
    if (html !== shown) {
      const main = document.getElementById("messages");
      main.innerHTML = shown = html;
      for (const time of main.querySelectorAll("time")) {
        time.textContent = new Date(time.dateTime).toLocaleString();
      }
    }
  } catch { /* the demonstration has ended; it may come back */ }
  setTimeout(renew, 1000);
}
document.getElementById("messages").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  button.disabled = true;
  const ts = button.closest("article").dataset.ts;
  const pressed = { action: button.dataset.action, value: button.dataset.value, ts };
  const headers = { "Content-Type": "application/json" };
  fetch("press", { method: "POST", headers, body: JSON.stringify(pressed) })
    .then((answer) => { if (!answer.ok) button.disabled = false; }, () => { button.disabled = false; });
});
renew();
