// What a visitor does on a website, told to Twoway when they leave the page. See docs/tracking.md.
// Before twoway("consent", true) nothing is kept in the browser: the visitor is one for as long as the page is open.
// It is served without comments and needless spaces; 4 kB is the most it may then have.
(() => {
  const doc = document, nav = navigator, place = location, tag = doc.currentScript, root = doc.documentElement,
    base = new URL(tag.src).origin + "/t", query = new URLSearchParams(place.search), queued = window.twoway?.q || [],
    now = Date.now, {min, max} = Math, round = n => +n.toFixed(2), bare = url => url.split(/[?#]/)[0],
    make = () => [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(36)).join(""),
    on = (what, run) => addEventListener(what, run, true),
    // Where the site asks for it, a browser that does not want to be followed is not.
    off = tag.dataset.respect != null && (nav.globalPrivacyControl || nav.doNotTrack == 1),
    device = /Mobi/.test(nav.userAgent) ? "mobile" : matchMedia("(pointer:coarse)").matches ? "tablet" : "desktop",
    // What was played, by video or sound, and what was filled in, by form.
    media = new Map(), forms = new Map(),
    of = (map, key) => map.get(key) || map.set(key, new Set()).get(key);

  let me = make(), visit = make(), sequence = 1, events = [], who = {}, timer, trap,
    path, title, since, seconds, depth, told, alive = now(), last = alive;

  const event = (kind, more, at = now()) => {
    events.push({id: make(), kind, at, properties: {path, visit, ...more}});
    if (events.length > 40) send();
    timer ||= setTimeout(send, 2e3);
  };

  // As text, so that browsers need not ask first whether they may.
  const send = () => {
    clearTimeout(timer);
    timer = 0;
    if (off || !events.length && !who.email && !who.link) return;
    const body = JSON.stringify({anonymous_id: me, sent_at: now(), automated: nav.webdriver, ...who, events});
    events = [];
    who = {};
    nav.sendBeacon?.(base, body) || fetch(base, {method: "POST", body, keepalive: true}).catch(() => 0);
  };

  // The visitor of before and, unless they were away for half an hour, their visit. A browser may keep nothing: then so be it.
  const consent = given => {
    try {
      const kept = localStorage, old = given && JSON.parse(kept.twoway || 0);
      if (old) me = old[0];
      if (old && now() - old[3] < 18e5) [, visit, sequence] = old;
      if (given) kept.twoway = JSON.stringify([me, visit, sequence + 1, now()]);
      else delete kept.twoway, me = make();
    } catch {}
    hide();
  };

  // Nobody sees this link; only a machine follows it.
  const hide = () => {
    if (off || !doc.body) return;
    trap ||= doc.body.appendChild(doc.createElement("a"));
    trap.style.display = "none";
    trap.href = base + "/h/" + me;
  };

  // Time counts while the page is seen and somebody is there: half a minute from a sign of life on, and while something plays.
  const tick = () => {
    const gone = min(now() - last, 2e3);
    last = now();
    depth = max(depth, min(1, (scrollY + innerHeight) / root.scrollHeight));
    if (!doc.hidden && (last - alive < 3e4 || [...media.keys()].some(m => !m.paused))) seconds += gone / 1e3;
  };

  const leave = () => {
    tick();
    if (!told || seconds >= 1) {
      const page = {
        seconds: round(seconds), depth: round(depth), sequence, device, hour: new Date(since).getHours(),
        title: title || doc.title, page_height: root.scrollHeight, referrer: bare(doc.referrer),
      };
      query.forEach((value, name) => name.startsWith("utm_") && (page[name] = value));
      event(told ? "page_stay" : "page_view", page, told ? now() : since);
      told = 1;
      seconds = 0;
    }
    media.forEach(watched);
    forms.forEach((done, form) => {
      if (done.size > (done.told || 0) || done.sent) {
        const steps = [...form.elements].filter(field => field.name && field.type != "hidden").length;
        event("form_step", {form: form.id || form.getAttribute("name"), step: done.size, steps, submitted: !!done.sent});
      }
      done.told = done.size;
      done.sent = 0;
    });
    send();
  };

  // A site of one page shows another without loading it.
  const watch = () => {
    if (place.pathname != path) {
      if (path) leave(), sequence++;
      path = place.pathname;
      since = now();
      seconds = depth = told = 0;
    }
    title = doc.title;
    tick();
  };

  // Each second of a video or a sound counts once, however often it was played.
  const watched = (played, m) => {
    const share = round(min(1, played.size / m.duration));
    if (share < (played.told || 0) + .05) return;
    played.told = share;
    event("media_progress", {name: m.title || bare(m.currentSrc).split("/").pop(), share});
  };
  on("timeupdate", ({target: m}) => m.paused || of(media, m).add(m.currentTime | 0));

  // Which fields were filled in counts, not what with.
  on("change", ({target: field}) => field.form && field.name && of(forms, field.form).add(field.name));
  on("submit", ({target: form}) => {
    of(forms, form).sent = true;
    const field = form.elements.anonymous_id;
    if (field && !off) field.value = me;
  });

  for (const sign of ["pointerdown", "pointermove", "keydown", "scroll"]) on(sign, () => alive = now());
  on("visibilitychange", () => doc.hidden ? leave() : last = now());
  on("pagehide", leave);
  on("DOMContentLoaded", hide);
  setInterval(watch, 1e3);

  const does = {
    consent,
    event,
    media: (name, share) => event("media_progress", {name, share}),
    assessment: (name, answers) => event("assessment_completed", {name, answers}),
    identify: ({email}) => {
      who.email = email;
      send();
    },
    id: run => run(off ? null : me)
  };
  window.twoway = (what, ...rest) => does[what]?.(...rest);

  // A click on a personal link of a mail led here. Its token leaves the address at once, for the address may be passed on.
  if (who.link = query.get("tw")) {
    query.delete("tw");
    history.replaceState(history.state, "", place.pathname + (query.toString() && "?" + query) + place.hash);
    timer = setTimeout(send, 500);
  }
  watch();
  hide();
  for (const all of queued) twoway(...all);
})();
