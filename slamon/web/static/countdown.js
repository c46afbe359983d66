// Keeps the countdowns of staff pages moving. Without it they stand as the server wrote them.
(() => {
  const root = document.documentElement;
  const serverNow = Number(root.dataset.now);
  const speed = Number(root.dataset.speed);
  const loadedAt = performance.now();
  const now = () => serverNow + (performance.now() - loadedAt) * speed;

  // The page brings the sentences, in its language.
  const say = (name, values) => root.dataset[`say${name}`].replace(/\{(\w+)\}/g, (_, key) => values[key]);

  const span = (ms) => {
    const all = Math.floor(Math.max(0, ms) / 60000);
    if (all < 1) return say("Moment");
    const hours = Math.floor(all / 60);
    const minutes = all % 60;
    if (hours >= 72) return say("Days", { days: Math.floor(hours / 24), hours: hours % 24 });
    return say(!hours ? "Minutes" : minutes ? "Both" : "Hours", { hours, minutes });
  };

  const show = () => {
    for (const each of document.querySelectorAll("[data-target]")) {
      const clock = each.dataset.name;
      const target = Number(each.dataset.target);
      const limit = Number(each.dataset.limit);
      const at = now();
      let tone = target - at < (target - Number(each.dataset.started)) / 4 ? "soon" : "calm";
      const isDay = target === limit; // ends on a date somebody named
      let words = say(isDay ? "In" : "Due", { clock, time: span(target - at) });
      if (at > target) [tone, words] = ["late", say("Late", { clock, time: span(at - target) })];
      if (at > limit) [tone, words] = ["breached", say(isDay ? "Passed" : "Breached", { clock, time: span(at - limit) })];
      if (each.textContent !== words) each.textContent = words;
      each.className = `pill ${tone}`;
    }
  };
  setInterval(show, speed > 1 ? 1000 : 15000);
})();
