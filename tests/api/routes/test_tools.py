def test_health_names_the_folders_that_were_refused(client, service):
    assert client.get("/api/health").json() == {"status": "ok", "sessions": 2, "refused": {}}
    service.refused["broken"] = "config.json is missing"
    assert client.get("/api/health").json()["refused"] == {"broken": "config.json is missing"}
