//! Every STUN decoder on every input; and whatever is a request can be answered, shorter than is dangerous and in a
//! form our own reader takes.

use natscope::wire::stun;

pub fn run(datagram: &[u8]) {
    let _ = stun::decode_response(datagram);
    if let Ok(request) = stun::decode_request(datagram) {
        let endpoint = "[2001:db8::1]:3478".parse().expect("an endpoint");
        let facts =
            stun::AnswerFacts { mapped: endpoint, origin: Some(endpoint), other: Some(endpoint), software: "natscope" };
        for answer in
            [stun::encode_success(&request, &facts), stun::encode_unknown_attributes(&request, &request.unknown)]
        {
            assert!(answer.len() <= 160);
            assert!(request.id.is_classic() || stun::decode_response(&answer).is_ok());
        }
    }
}
