// Keeps the countdowns of staff pages moving. Without it they stand as the server wrote them.
(() => {
  const root = document.documentElement;
  const serverNow = Number(root.dataset.now);
  const speed = Number(root.dataset.speed);
  const loadedAt = performance.now();
  const now = () => serverNow + (performance.now() - loadedAt) * speed;

  const span = (ms) => {
    const minutes = Math.floor(Math.max(0, ms) / 60000);
    if (minutes < 1) return "less than a minute";
    const hours = Math.floor(minutes / 60);
    if (hours >= 72) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
    return [hours && `${hours} h`, minutes % 60 && `${minutes % 60} min`].filter(Boolean).join(" ");
  };

  const show = () => {
    for (const each of document.querySelectorAll("[data-target]")) {
      const name = each.dataset.name;
      const target = Number(each.dataset.target);
      const limit = Number(each.dataset.limit);
      const at = now();
      let tone = target - at < (target - Number(each.dataset.started)) / 4 ? "soon" : "calm";
      const isDay = target === limit; // ends on a date somebody named
      let words = isDay ? `${name} in ${span(target - at)}` : `${name} due in ${span(target - at)}`;
      if (at > target) [tone, words] = ["late", `${name} late by ${span(at - target)}`];
      if (at > limit) [tone, words] = ["breached", isDay ? `${name} passed ${span(at - limit)} ago` : `${name} limit breached ${span(at - limit)} ago`];
      if (each.textContent !== words) each.textContent = words;
      each.className = `pill ${tone}`;
    }
  };
  setInterval(show, speed > 1 ? 1000 : 15000);
})();
