-- ac: Accelerator Oscillator. Bill Williams, 1998.
-- parameters: fast = 5, slow = 34, smooth = 5
select ao(fast, slow) - sma(ao(fast, slow), smooth) as ac
