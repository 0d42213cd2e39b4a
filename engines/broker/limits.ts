/**
 * Every bound of one personal broker. Those that a client can obey are announced in CONNACK; each is enforced
 * with the reason code named beside it.
 *
 * @see MQTT 5.0 §3.2.2.3, §4.13
 */
export interface Limits {
  /** Whole packet, in and out; announced; 0x95. */
  readonly maximumPacketBytes: number;
  /** QoS 1 and 2 messages a client may have unacknowledged towards us; announced; 0x93. */
  readonly receiveMaximum: number;
  /** The same towards a client, below the Receive Maximum of its own; levels 3 and 4 have only this one. */
  readonly inFlightMaximum: number;
  /** Aliases a client may set; announced; 0x94. The same number of ours per client. */
  readonly topicAliasMaximum: number;
  /** Levels of a topic name (0x90) or filter (0x8F). */
  readonly topicLevels: number;
  /** Connected sessions of one user, all principals together; 0x97. */
  readonly connections: number;
  /** Sockets of one user that have shown no token yet; more are turned away at the upgrade. */
  readonly strangers: number;
  /** Sessions of one user, connected or kept; 0x97. */
  readonly sessions: number;
  /** Sessions of one device or app, so that none takes all that the user has; 0x97. */
  readonly sessionsOfOne: number;
  /** Subscriptions of one session; 0x97 in SUBACK. */
  readonly subscriptions: number;
  /** Characters of all topic filters of one session, which are in memory; 0x97 in SUBACK. */
  readonly subscriptionCharacters: number;
  /** Levels of all topic filters of one user, each of which may be a node in memory; 0x97 in SUBACK. */
  readonly filterLevels: number;
  /** The same of one device or app, so that none takes all that the user has; 0x97 in SUBACK. */
  readonly filterLevelsOfOne: number;
  /** Retained topics of one user; 0x97. */
  readonly retainedMessages: number;
  /** Retained topics of one device or app, so that none takes all that the user has; 0x97. */
  readonly retainedMessagesOfOne: number;
  /** Payload, topic and properties of all retained messages of one user, each at least 1 KiB; 0x97. */
  readonly retainedBytes: number;
  /** The same of one device or app; 0x97. */
  readonly retainedBytesOfOne: number;
  /** Commands of one user whose replies have not come; the oldest is forgotten, and no app sees its reply. */
  readonly pendingCommands: number;
  /** The same of one app or of the owner. */
  readonly pendingCommandsOfOne: number;
  /** How long a command waits for its reply, from its own expiry if it has one. */
  readonly commandReplySeconds: number;
  /** Messages waiting for one session; the newest is dropped. */
  readonly queuedMessages: number;
  /** Payload, topic and properties in bytes waiting for one session; the newest is dropped. */
  readonly queuedBytes: number;
  /**
   * How long what waits for a connected session without an expiry may be in memory only; less than the 10 s after
   * which an idle object may sleep. 0 writes at once.
   */
  readonly unsavedMs: number;
  /** How often a topic that is retained at QoS 0 over and over is written. 0 writes each time. */
  readonly retainedSaveSeconds: number;
  /** Longest a session is kept without a connection; announced when it shortens the wish. */
  readonly sessionExpirySeconds: number;
  /** A 5.0 client that asks for a keep alive from 30 s up to this is told this (waking costs money). */
  readonly serverKeepAliveSeconds: number;
  /** A 5.0 client that asks for a longer keep alive, or for none, is told this; above 65,535 nobody is. */
  readonly maximumKeepAliveSeconds: number;
  /**
   * From this keep alive on, a client that falls silent is noticed by the alarm only if somebody would hear of it:
   * if its will has a subscriber. Otherwise it is noticed in the next turn that anyone causes.
   */
  readonly lazyKeepAliveSeconds: number;
  /**
   * How far the attachment's word on when a client was last heard may be behind, as a part of the keep alive: a
   * sleeping object grants that much more. 0 writes the attachment with every packet.
   */
  readonly keepAliveSlack: number;
  /** From the socket's opening until CONNECT is complete; then it is closed. */
  readonly connectSeconds: number;
  /** Bytes taken before CONNECT is complete; then the socket is closed. */
  readonly bytesBeforeConnect: number;
  /**
   * QoS 0 bytes on their way to a client from which nothing was heard since; above it QoS 0 is dropped for that
   * client. The runtime does not tell how much a socket buffers, so a reader that stands still is bounded so.
   */
  readonly unheardBytes: number;
  /** What a client that says nothing is believed to read. */
  readonly unheardBytesPerSecond: number;
  /**
   * PUBLISH, and filters in SUBSCRIBE and UNSUBSCRIBE, a second and connection, averaged; above it QoS 0 is
   * dropped, and QoS 1, QoS 2 and SUBSCRIBE get 0x97. All connections of one device or app together may do twice this,
   * all of a user five times.
   */
  readonly messagesPerSecond: number;
  /** How many may come at once before the average counts. Ten times as many over it close with 0x96. */
  readonly messageBurst: number;
}

/** For a small home; the shell may raise them from its configuration. */
export const defaultLimits: Limits = {
  maximumPacketBytes: 256 * 1024,
  receiveMaximum: 64,
  inFlightMaximum: 64,
  topicAliasMaximum: 16,
  topicLevels: 201,
  connections: 256,
  strangers: 256,
  sessions: 1000,
  sessionsOfOne: 32,
  subscriptions: 1000,
  subscriptionCharacters: 256 * 1024,
  filterLevels: 100_000,
  filterLevelsOfOne: 25_000,
  retainedMessages: 5000,
  retainedMessagesOfOne: 1000,
  retainedBytes: 32 * 1024 * 1024,
  retainedBytesOfOne: 8 * 1024 * 1024,
  pendingCommands: 1000,
  pendingCommandsOfOne: 64,
  commandReplySeconds: 24 * 3600,
  queuedMessages: 1000,
  queuedBytes: 1024 * 1024,
  unsavedMs: 5000,
  retainedSaveSeconds: 4 * 3600,
  sessionExpirySeconds: 30 * 24 * 3600,
  serverKeepAliveSeconds: 120,
  maximumKeepAliveSeconds: 65_536,
  lazyKeepAliveSeconds: 60,
  keepAliveSlack: 0.1,
  connectSeconds: 10,
  bytesBeforeConnect: 64 * 1024,
  unheardBytes: 8 * 1024 * 1024,
  unheardBytesPerSecond: 256 * 1024,
  messagesPerSecond: 200,
  messageBurst: 2000,
};
