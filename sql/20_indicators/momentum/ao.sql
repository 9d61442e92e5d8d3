-- ao: Awesome Oscillator. Bill Williams, 1998.
-- parameters: fast = 5, slow = 34
select sma(medprice(), fast) - sma(medprice(), slow) as ao
