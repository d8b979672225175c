mod chance;
mod numbers;

use crate::beside::Beside;

const LINES: &str = "
zadd z 1 a 2 b 3 c
zadd z nx 5 a 5 d
zadd z xx 5 a 5 e
zadd z xx ch 6 a 5 e
zadd z gt ch 1 a 9 b
zadd z lt ch 1 a 90 b
zadd z nx gt 1 a
zadd z gt lt 1 a
zadd z nx xx 1 a
zadd z incr 1 a
zadd z incr nx 1 a
zadd z incr xx 1 nothing
zadd z incr 1 a 2 b
zadd z 1
zadd z nx
zadd z nx xx
zadd z 1 a 2
zadd z x a
zadd z nan a
zadd z +inf i -inf j
zadd z incr -inf i
zincrby z +inf j
zincrby z nx j
zincrby z 0x10 h
zincrby z 1.5 a
zincrby z 1e400 a
zincrby z 1e-400 a
zadd none xx 1 a
zadd none xx incr 1 a
exists none
zadd z -0 zero
zadd z 0 zero
zscore z zero
zadd z 1e21 huge 0.1 tenth 1e-9 small 123456789012345678 long
zrange z 0 -1 withscores
zscan z 0
zscan z 0 match *a* count 1
zscan z 0 match
zscan z 0 count 0
zscan z 0 count x
zscan z 0 type zset
zscan z x
zscan none 0 count 0
zscan none x
zscore z a
zscore z none
zscore none a
zmscore z a b none
zmscore none a b
zcard z
zcard none
zrank z b
zrevrank z b
zrank z none
zrank none a
zrevrank none a
zcount z -inf +inf
zcount z (1 3
zcount z 1 (3
zcount z ( 3
zcount z x 3
zcount z nan 3
zcount z 0x1 1e400
zcount z 3 1
zrange z 0 0
zrange z -2 -1
zrange z 5 1
zrange z 100 200
zrange z -100 1
zrange z 0 -1 rev withscores
zrange z 1 2 rev
zrange z 1 2 limit 0 1
zrange z 1 2 limit 0 -1
zrange z 1 5 byscore limit 1 2
zrange z 1 5 byscore limit 1 -2
zrange z 1 5 byscore limit -1 2
zrange z 1 5 byscore limit 1 0
zrange z 1 5 byscore limit 1
zrange z 1 5 byscore limit x 1
zrange z 5 1 byscore rev withscores limit 1 2
zrange z (5 (1 byscore rev
zrange z 1 5 byscore rev
zrange z [a [c bylex withscores
zrange z a c bylex
zrange z 0 -1 byscore bylex
zrange z 0 -1 rev rev
zrange z 0 x
zrange z 0 9223372036854775807
zrange z -9223372036854775808 -1
zrange z 0 -1 nonsense
zrange none 0 -1 withscores
zrange none 0 x
zrevrange z 0 1
zrevrange z 0 -1 withscores
zrevrange z 0 1 rev
zrevrange z 0 1 byscore
zrevrange z 0 1 limit 0 1
zrangebyscore z -inf 5 withscores limit 1 3
zrangebyscore z 5 -inf
zrangebyscore z 1 5 byscore
zrangebyscore z 1 5 rev
zrevrangebyscore z 5 -inf withscores
zrevrangebyscore z +inf (2 limit 0 2
zrangebyscore z 1
zadd l 0 a 0 aa 0 b 0 c 0 d
zlexcount l - +
zlexcount l [a (c
zlexcount l + -
zlexcount l a c
zrangebylex l - + limit 1 2
zrangebylex l (a [b
zrangebylex l [ (b
zrangebylex l ( +
zrangebylex l - - 
zrangebylex l + +
zrangebylex l -x +
zrangebylex l - + withscores
zrevrangebylex l + -
zrevrangebylex l [c (a
zrange l + - bylex rev limit 1 2
zrange l - + bylex
zrangestore s z 0 2
zrange s 0 -1 withscores
zrangestore s z 1 5 byscore limit 0 2
zrangestore s z 0 1 rev
zrange s 0 -1 withscores
zrangestore s z 0 1 withscores
zrangestore s z 100 200
exists s
zrangestore s none 0 1
zrangestore s l [a [b bylex
zrangestore l l [a [c bylex
zrange l 0 -1
zremrangebylex l [a (b
zremrangebyrank l 0 0
zremrangebyrank l 5 9
zremrangebyrank none 0 0
zremrangebyrank l x 0
zremrangebyscore l (0 0
zremrangebyscore l 0 0
exists l
zremrangebyscore l x 0
zremrangebylex l x y
zpopmin z
zpopmax z
zpopmin z 2
zpopmax z 2
zpopmin z 0
zpopmin z -1
zpopmin z x
zpopmin z 1 2
zpopmin none
zpopmin none 5
zpopmax z 9223372036854775807
exists z
zadd z 1 a 2 b 3 c 4 d
zmpop 1 z min
zmpop 2 none z max count 2
zmpop 1 none min
zmpop 0 z min
zmpop x z min
zmpop 1 z
zmpop 1 z mid
zmpop 1 z min count 0
zmpop 1 z min count x
zmpop 1 z min count 1 count 1
zmpop 1 z min nonsense 1
zmpop 9 z min
zmpop 9223372036854775807 z min
zadd z 1 a 2 b 3 c 4 d
bzpopmin z 0
bzpopmax none z 0
bzpopmin z x
bzpopmin z -1
bzpopmin z nan
bzpopmin none none2 0.001
bzmpop 0 2 none z min count 2
bzmpop x 1 z min
bzmpop -1 1 z min
bzmpop 0.001 1 none min
bzmpop 0 0 z min
bzmpop x 0 z min
bzmpop 0 1 z mid
zadd p 1 a 2 b 3 c
zadd q 10 b 20 c 30 d
zunion 2 p q
zunion 2 p q withscores
zunion 2 p q weights 2 3 withscores
zunion 2 p q weights 2 withscores
zunion 2 p q weights 2 x withscores
zunion 2 p q aggregate min withscores
zunion 2 p q aggregate max withscores
zunion 2 p q aggregate sum withscores
zunion 2 p q aggregate mid
zunion 2 p q aggregate
zunion 2 p p withscores
zunion 3 p q none withscores
zunion 0 p
zunion -1 p
zunion x p
zunion 9 p
zunion 1 p q
zunion 1 none
zinter 2 p q withscores
zinter 2 p q weights 0.5 -1 aggregate max withscores
zinter 2 p none
zinter 2 p p weights inf -inf withscores
zdiff 2 p q withscores
zdiff 1 p
zdiff 2 p p
zdiff 2 none p
zdiff 2 p q weights 1 2
zdiff 2 p q aggregate sum
zunionstore d 2 p q weights 1 2 aggregate max
zrange d 0 -1 withscores
zinterstore d 2 p q
zrange d 0 -1 withscores
zdiffstore d 2 p q
zrange d 0 -1 withscores
zdiffstore d 2 p p
exists d
zunionstore d 0 p
zunionstore d 1 p withscores
zinterstore p 2 p q
zrange p 0 -1 withscores
zintercard 2 p q
zintercard 2 p q limit 1
zintercard 2 p q limit 0
zintercard 2 p q limit -1
zintercard 2 p q limit x
zintercard 2 p q limit
zintercard 2 p q weights 1 2
zintercard 0 p
zintercard 2 p none
zrandmember none
zrandmember none 5
zrandmember z x
zrandmember z 1 nonsense
zrandmember z 1 withscores 2
zrandmember z -9223372036854775808
zrandmember z 9223372036854775807 withscores
zrandmember p 0
zrem p b
zrem p b
zrem none b
zrem q b c nothing
zrange q 0 -1
set text 1
zadd text 1 a
zadd text nan a
zadd text xx 1 a
zincrby text 1 a
zrem text a
zcard text
zscore text a
zmscore text a
zrank text a
zcount text 0 1
zcount text x 1
zlexcount text - +
zrange text 0 1
zrange text 0 x
zrangestore d text 0 1
zrangestore text q 0 -1
zrange text 0 -1
set text 1
zremrangebyrank text 0 1
zpopmin text
zpopmin text 0
zmpop 2 none text min
zmpop 2 q text min
bzpopmin text 0
bzpopmin text x
bzmpop 0 1 text min
zunion 1 text
zunion 1 text nonsense
zunionstore d 2 q text
zunionstore text 1 none
exists text
set text 1
zintercard 1 text
zrandmember text
zrandmember text 1
zscan text 0
zscan text x
zadd
zadd a b
zrange z 0
zcard a b
zmpop 1 z
zdiff 1
";

#[test]
fn sorted_sets_answer_as_those_of_redis() {
    for resp3 in [false, true] {
        let Some(mut both) = Beside::start(resp3) else { return };
        for line in LINES.lines().filter(|line| !line.trim().is_empty()) {
            both.same(line);
        }
        both.same_words(&[b"zadd", b"z", b"1", b""]);
        both.same_words(&[b"zadd", b"z", b"", b"a"]);
        both.same_words(&[b"zcount", b"z", b"", b" 1"]);
        both.same_words(&[b"zcount", b"z", b" ", b"1"]);
        both.same_words(&[b"zcount", b"z", b"1\0x", b"( 2"]);
        both.same_words(&[b"zlexcount", b"z", b"", b"+"]);
        both.same_words(&[b"zlexcount", b"z", b"-\0x", b"+\0x"]);
        both.same_words(&[b"zscan", b"z", b""]);
        both.same("zadd p 1 a 2 b 3 c");
        both.same_in_any_order(&[b"zrandmember", b"p", b"10"], false);
        both.same_in_any_order(&[b"zrandmember", b"p", b"10", b"withscores"], !resp3);
    }
}

#[test]
fn a_rank_comes_with_its_score_if_asked() {
    let Some(mut both) = Beside::start(false) else { return };
    both.ask_us(&[b"zadd", b"z", b"1", b"a", b"2", b"b"]);
    let shown = format!("{:?}", both.ask_us(&[b"zrevrank", b"z", b"a", b"withscore"]));
    assert_eq!(shown, r#"Parts('*', [Line(":1"), Bulk('$', "1")])"#);
    let shown = format!("{:?}", both.ask_us(&[b"zrank", b"z", b"x", b"withscore"]));
    assert_eq!(shown, r#"Line("*-1")"#);
}
