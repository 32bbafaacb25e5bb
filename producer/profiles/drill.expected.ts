// What the drill must give, by construction, for the rules velocity, geo-50km, geo-speed, amount-10x and high-amount,
// without lists, factors or a model, whatever the number of partitions.

export const drillExpected = {
  /** Read: 11,000 background (500 customers x 6 hours + 500 x 16) + 619 of episodes + 85 bad + 25 twice + 5 changed. */
  payments: 11_734,
  /** 11,000 + 619; the ten late ones are valid too. */
  valid: 11_619,
  /** 85 bad + 5 changed. */
  rejected: 90,
  /** c401 to c425. */
  duplicates: 25,
  /** c991 to c1000: two hours, against a grace of one minute. c801 to c900 are 20 s behind, which is on time. */
  late: 10,

  /** Each of these fires alone on its payment, so that there are as many alerts as hits: 63 + 25 + 20 + 20 + 10. */
  alerts: 138,
  alertsByRule: {
    /**
     * The 6th, 7th and 8th payment of c1 to c20 and, as no allow list is in force, of c177. Others have at most 4 in
     * 120 s (FAST); the six of CARD_TESTING are 60 s apart, which puts 3 in a closed window.
     */
    velocity: 63,
    /** The second payment of c41 to c60 (240 s) and c61 to c65 (300,000 ms, the edge); not of c66 to c70 (300,001). */
    'geo-50km': 25,
    /** The second payment of c71 to c90: 1,501 km in an hour. c41 to c70 travel at 901 km/h and less. */
    'geo-speed': 20,
    /** c91 to c110 pay 12 A after six payments of A; exactly 10 A (c111 to c115) does not fire, nor 6 A and 4 A. */
    'amount-10x': 20,
    /** c223 to c232 pay 100,001, five times their mean; exactly 100,000 (c233 to c237) does not fire. */
    'high-amount': 10,
  },
  /** 800 points: the 45 of geography. 700: 63 + 20. 400: 10. */
  alertsByLevel: { CRITICAL: 45, HIGH: 83, MEDIUM: 10, LOW: 0 },

  /** Codes, not records: five records carry ERR_AMOUNT and ERR_TIME both. */
  rejectedByCode: {
    /** c301 to c310, c371 to c375. */
    ERR_AMOUNT: 15,
    /** c311 to c320 (1 ms ahead), c321 to c330 (24 h and 1 ms old), c371 to c375 (1 ms ahead). */
    ERR_TIME: 25,
    /** c331 to c340. */
    ERR_DEVICE: 10,
    /** c341 to c350. */
    ERR_GEO: 10,
    /** c351 to c360. */
    ERR_CURRENCY: 10,
    /** c361 to c370. */
    ERR_ID: 10,
    /** c376 to c385. */
    ERR_DECODE: 10,
    /** c426 to c430. */
    ERR_DUPLICATE: 5,
  },

  /** Sums of amountMinor: valid = settled in windows + declined in windows + late. */
  amountMinor: {
    valid: 34_169_090,
    settled: 34_122_540,
    /** 20 customers x 6 payments of 150. */
    declined: 18_000,
    /** 2,910 + 2,920 + ... + 2,990 of c991 to c999 and 2,000 of c1000. */
    late: 28_550,
  },

  /** 160 + 80 + 60 + 40 + 25 + 120 + 20 + 20 payments of the episodes of c1 to c175. */
  labels: 525,
} as const
