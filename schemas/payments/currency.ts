/**
 * Minor units of each currency: how many decimals an amount has (ISO 4217, list one, 2024). IRR is 0 and not ISO's 2,
 * since amounts in rials are stated and stored as whole rials.
 */
const exponents: ReadonlyMap<string, number> = new Map([
  ...codes(0, 'BIF CLP DJF GNF IRR ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'),
  ...codes(
    2,
    `AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC
     CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR JMD KES KGS
     KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD
     PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP
     TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW`,
  ),
  ...codes(3, 'BHD IQD JOD KWD LYD OMR TND'),
  ...codes(4, 'CLF UYW'),
])

function codes(exponent: number, list: string): [string, number][] {
  return list.split(/\s+/).map(code => [code, exponent])
}

/** How many decimals amounts of this currency have; undefined: not a currency that we know. Capitals only. */
export const currencyExponent = (code: string): number | undefined => exponents.get(code)

export const currencies: readonly string[] = [...exponents.keys()].sort()
