// Keeps the demo's pages fresh: the business clock, and every region marked data-live. Without it the pages reload.
(() => {
  const clock = document.getElementById("clock");
  const loadedAt = performance.now();
  const began = Number(clock.dataset.now);
  const speed = Number(clock.dataset.speed);
  const parts = new Intl.DateTimeFormat("en-GB", {
    weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
    hour12: false, timeZone: clock.dataset.zone, timeZoneName: "longOffset",
  });
  const showClock = () => {
    const at = Object.fromEntries(parts.formatToParts(began + (performance.now() - loadedAt) * speed).map((p) => [p.type, p.value]));
    const place = clock.dataset.zone.split("/").pop().replace("_", " ");
    const words = `${at.weekday} ${at.day} ${at.month} ${at.year}, ${at.hour}:${at.minute} ${place}`;
    if (clock.textContent !== words) clock.textContent = words;
  };
  showClock();
  setInterval(showClock, 100);

  // A link that is being pressed must not be replaced under the finger.
  let isPressed = false;
  addEventListener("pointerdown", () => { isPressed = true; });
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => { setTimeout(() => { isPressed = false; }, 150); });

  const refresh = async () => {
    if (document.hidden || !document.querySelector("[data-live]")) return;
    const answer = await fetch(location.pathname + location.search);
    if (!answer.ok || isPressed) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of document.querySelectorAll("[data-live]")) {
      const next = fresh.getElementById(old.id);
      if (next && !isPressed && !old.contains(document.activeElement) && next.innerHTML !== old.innerHTML) old.replaceChildren(...next.childNodes);
    }
  };
  const again = () => refresh().catch(() => {}).finally(() => setTimeout(again, 1000));
  setTimeout(again, 1000);

  const frame = document.getElementById("mail-body");
  if (frame) {
    const fit = () => { if (frame.contentDocument?.body) frame.style.height = `${frame.contentDocument.documentElement.scrollHeight + 2}px`; };
    frame.addEventListener("load", fit);
    addEventListener("resize", fit);
    fit();
  }
})();
