'use strict';
// A test's phone, in the page of scripts/phone beside its own: what tests/support/browser.py calls.
const testPhone = (() => {
  const rate = 16000;
  const window = 16384; // samples: a second of what was heard
  let phone, answering, context, tone, analyser;
  const calls = []; // those that are not over, the newest last
  const events = [];

  const newest = () => calls[calls.length - 1];
  // A stream of its own for each call: holding one mutes its tracks.
  const options = () => ({ mediaStream: tone.stream.clone(), pcConfig: { iceServers: [] } });

  function listenTo(stream) {
    const sink = new Audio(); // what no element plays, the browser does not decode
    sink.srcObject = stream;
    sink.muted = true;
    sink.play();
    context.createMediaStreamSource(stream).connect(analyser);
  }

  function onConnection(connection) {
    connection.addEventListener('track', ({ track }) => listenTo(new MediaStream([track])));
  }

  function onCall({ session, request }) {
    calls.push(session);
    const say = (kind, param = '') => events.push({ kind, param, call: request.call_id });
    if (session.direction === 'incoming') say('CALL_INCOMING');
    if (session.connection) onConnection(session.connection);
    else session.on('peerconnection', ({ peerconnection }) => onConnection(peerconnection));
    session.on('progress', ({ originator, response }) => originator === 'remote' && say(response.status_code === 183 ? 'CALL_PROGRESS' : 'CALL_RINGING'));
    session.on('sdp', (data) => {
      // baresip 1.0 names it in its final answers alone
      if (data.originator === 'remote' && data.type === 'answer' && !data.sdp.includes('a=rtcp-mux')) data.sdp += 'a=rtcp-mux\r\n';
    });
    session.on('confirmed', () => say('CALL_ESTABLISHED'));
    for (const end of ['failed', 'ended']) {
      session.on(end, ({ cause, message }) => { calls.splice(calls.indexOf(session), 1); say('CALL_CLOSED', `${message?.status_code ?? ''} ${cause}`); });
    }
    session.on('refer', ({ accept }) => accept(null, options()));
    session.on('replaces', ({ accept }) => accept());
    if (session.direction === 'incoming' && answering === 'auto') setTimeout(() => session.answer(options()));
  }

  // It leaves the call when the other has got through.
  function refer(call, target, more) {
    call.refer(target, { ...more, eventHandlers: { accepted: () => call.isEnded() || call.terminate() } });
  }

  return {
    start(user, password, server, frequency, answer) {
      answering = answer;
      context = new AudioContext({ sampleRate: rate });
      tone = context.createMediaStreamDestination();
      const oscillator = context.createOscillator();
      oscillator.frequency.value = frequency;
      oscillator.connect(tone);
      oscillator.start();
      analyser = context.createAnalyser();
      analyser.fftSize = window;
      phone = new JsSIP.UA({
        sockets: [new JsSIP.WebSocketInterface(server)], uri: `sip:${user}@${new URL(server).hostname}`, password, register_expires: 300, session_timers: false,
      });
      phone.on('registered', () => events.push({ kind: 'REGISTER_OK' }));
      phone.on('registrationFailed', ({ cause }) => events.push({ kind: 'REGISTER_FAIL', cause }));
      phone.on('disconnected', () => events.push({ kind: 'DISCONNECTED' }));
      phone.on('newRTCSession', onCall);
      phone.start();
    },
    take(kind) {
      const index = events.findIndex((event) => event.kind === kind);
      return index >= 0 && events.splice(index, 1)[0];
    },
    all: () => JSON.stringify(events),
    dial(number) { phone.call(number, options()); },
    accept() { newest().answer(options()); },
    hangUp() { newest().terminate(); },
    hold() { newest().hold(); },
    resume() { newest().unhold(); },
    transfer: (number) => refer(newest(), number, {}),
    transferAttended: () => refer(calls[0], calls[1].remote_identity.uri, { replaces: calls[1] }),
    // Of the last second: its end on the clock, the share (0..1) of its energy that lies at the frequency, and its level (1: full scale).
    heard(frequency) {
      const samples = new Float32Array(window);
      analyser.getFloatTimeDomainData(samples);
      const w = 2 * Math.cos((2 * Math.PI * frequency) / rate);
      let total = 0, before = 0, last = 0;
      for (const sample of samples) {
        total += sample * sample;
        [before, last] = [last, sample + w * last - before];
      }
      const share = total ? (2 * (last * last + before * before - w * last * before)) / (window * total) : 0;
      return [context.currentTime, share, Math.sqrt(total / window)];
    },
  };
})();
